"""An independent oracle: Debian's hledger adds the exported journal up to the same balances."""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess

import pytest

from carbon.adapters.store.hledger import hledger_text
from carbon.adapters.store.ledger import post_batch
from ledgers import AT, FEN, GONE, HOLDERS, ISSUER, POINTS, Books, journal, move

#: Transfers that are compared.
TRANSFERS = int(os.environ.get("CARBON_TRANSFERS", "100000"))


@pytest.fixture(scope="session")
def hledger():
    path = shutil.which("hledger")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no hledger: run tools/install-hledger")
        pytest.skip("no hledger: run tools/install-hledger")
    return path


def balances_by(hledger, path):
    """Balances of every account and asset as hledger has them."""
    command = [
        hledger,
        "-f",
        path,
        "balance",
        "--flat",
        "--empty",
        "--no-total",
        "--layout=bare",
        "-O",
        "csv",
    ]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    rows = csv.DictReader(done.stdout.splitlines())
    return {
        (r["commodity"], r["account"]): int(r["balance"])
        for r in rows
        if r["commodity"] and r["balance"] != "0"
    }


def test_hledger_comes_to_the_same_balances(home, hledger, tmp_path):
    count = TRANSFERS if home.database.startswith("sqlite") else TRANSFERS // 20
    books, chance = Books(home), random.Random(1)
    accounts = (ISSUER, *HOLDERS)
    lines = [move(ISSUER, code, 10**12, asset) for code in HOLDERS for asset in (POINTS, FEN)]
    books.post(journal("start", *lines))
    made = 0
    while made < count:
        batch = []
        while len(batch) < 100:
            pairs = [chance.sample(accounts, 2) for _ in range(10)]
            batch.append(
                journal(
                    f"k{made}-{len(batch)}",
                    *(
                        move(*p, chance.randint(1, 10**6), chance.choice((POINTS, FEN)))
                        for p in pairs
                    ),
                )
            )
        batch.append(journal(f"g{made}", move(chance.choice(HOLDERS), GONE, chance.randint(1, 99))))
        assert all(a.error is None for a in post_batch(books.database, batch, AT))
        made += 1_001
    out = tmp_path / "ledger.journal"
    with out.open("w", encoding="utf-8") as stream:
        stream.writelines(hledger_text(books.database))
    ours = {(a, c): n for a in (POINTS, FEN) for c, n in books.amounts(a).items() if n}
    books.close()
    assert balances_by(hledger, out) == ours
