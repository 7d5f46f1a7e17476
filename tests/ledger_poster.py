"""What the crash test of the ledger kills: posts numbered batches and tells each acknowledgement."""

from __future__ import annotations

import sys
from contextlib import closing

from carbon.adapters.store.database import Database
from carbon.adapters.store.ledger import post_batch
from carbon.domain.ledger.journal import Journal
from ledgers import AT, HOLDERS, ISSUER, journal, move

BATCH = 20


def batch(number: int) -> list[Journal]:
    """The same journals for the same number: two lines each, one of them from the issuer."""
    giver, getter = HOLDERS[number % 3], HOLDERS[(number + 1) % 3]
    return [
        journal(f"{number}-{n}", move(ISSUER, giver, 5), move(giver, getter, 2))
        for n in range(BATCH)
    ]


def main() -> None:
    """Post from a number on, for ever."""
    url, first = sys.argv[1:]
    number = int(first)
    with closing(Database(url)) as database:
        while True:
            post_batch(database, batch(number), AT)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            number += 1


if __name__ == "__main__":
    main()
