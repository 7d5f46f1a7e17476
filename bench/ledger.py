"""Speed of the ledger, as multiples of pgbench's TPC-B in the same cluster, all constraints on.

    python bench/ledger.py [--seconds 15] [--journals 1000000]

Every transfer is a journal of its own with a key of its own. Singles are the statements the adapter
makes for one journal, run by pgbench at 8 clients; batches of 1,000 go through the adapter itself.
fsync is on. What counts are the rows that exist afterwards. Then a million journals are compared
with the counters of their accounts. Exit code 1: a floor is missed.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa

import postgres
from carbon.adapters.store import schema
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.entries import ENTER
from carbon.adapters.store.ledger import open_account, post, post_batch
from carbon.domain.ledger.account import Account, Policy
from carbon.domain.ledger.journal import Journal, Transfer
from carbon.ports.ledger import MAX_BATCH

#: Floors: multiples of TPC-B; transfers per second on SQLite; seconds of the check.
SINGLE, ONE_WORKER, TWO_WORKERS, TWO_HOT = 1.0, 2.5, 4.0, 4.0
SQLITE, CHECK_SECONDS = 30_000, 60.0
SCALE, CLIENTS, THREADS = 50, 8, 2
ACCOUNTS = 100_000
AT = datetime(2026, 11, 25, 12, tzinfo=UTC)

#: What `post` gives the arrays of its statement for one journal of one line.
ARRAYS = {
    "key": "'single/' || :id",
    "request": "sha256((:id)::text::bytea)",
    "kind": "'bench'",
    "subject": "NULL",
    "lines": "1",
    "recorded_at": f"'{AT.isoformat()}'",
    "of": "'single/' || :id",
    "line": "0",
    "asset": "'points'",
    "dr": "'a' || :giver",
    "cr": "'a' || :getter",
    "amount": "1",
}
SINGLE_STATEMENT = re.sub(r"%\((\w+)\)s", lambda m: f"ARRAY[{ARRAYS[m[1]]}]", ENTER)
SINGLE_SCRIPT = f"""\\set giver random(1, {ACCOUNTS})
\\set getter (:giver + random(1, {ACCOUNTS} - 1) - 1) % {ACCOUNTS} + 1
\\set id random(1, 9000000000000000000)
{SINGLE_STATEMENT};
"""


def prepare(database: Database, accounts: int) -> None:
    """A source, and accounts with enough to give."""
    with database.write() as connection:
        schema.upgrade(connection, date(2026, 11, 25), None)
        open_account(connection, Account("points", "issuer", Policy.SOURCE), AT)
        number = connection.execute(sa.select(t.asset.c.id)).scalar_one()
        rows = [
            {"asset": number, "code": f"a{n}", "policy": "holder", "opened_at": AT}
            for n in range(1, accounts + 1)
        ]
        connection.execute(sa.insert(t.account), rows)
        names = iter(rows)
        while part := list(islice(names, MAX_BATCH)):
            lines = tuple(Transfer("points", "issuer", row["code"], 10**9) for row in part)
            post(connection, [Journal(f"grant/{part[0]['code']}", "grant", lines)], AT)


def journals(name: str, accounts: int, *, hot: bool) -> Iterator[Journal]:
    """Endless transfers between accounts, or from one to all others."""
    chance, number = random.Random(name), 0
    while True:
        giver = 1 if hot else chance.randint(1, accounts)
        getter = chance.randint(2, accounts) if hot else giver % accounts + 1
        yield Journal(
            f"{name}/{number}", "bench", (Transfer("points", f"a{giver}", f"a{getter}", 1),)
        )
        number += 1


def work(url: str, name: str, accounts: int, until: float, hot: bool, most: int) -> int:
    """Post batches until a moment, or so many; returns how many were answered as posted."""
    posted, source = 0, journals(name, accounts, hot=hot)
    with closing(Database(url)) as database:
        while time.time() < until and posted < most:
            batch = list(islice(source, MAX_BATCH))
            posted += sum(answer.error is None for answer in post_batch(database, batch, AT))
    return posted


def count(database: Database) -> int:
    with database.read() as connection:
        return int(
            connection.execute(sa.select(sa.func.count()).select_from(t.transfer)).scalar_one()
        )


def rate(database: Database, act: Callable[[], object]) -> float:
    """Transfers per second, by the rows that exist afterwards."""
    before, start = count(database), time.perf_counter()
    act()
    elapsed = time.perf_counter() - start
    return (count(database) - before) / elapsed


def batches(url: str, name: str, workers: int, seconds: float, *, hot: bool = False) -> None:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        # Interpreters start before the clock does.
        list(pool.map(abs, range(workers)))
        until = time.time() + seconds
        tasks = [
            pool.submit(work, url, f"{name}-{n}", ACCOUNTS, until, hot, 10**9)
            for n in range(workers)
        ]
        for task in tasks:
            task.result()


def pgbench(cluster: postgres.Cluster, database: str, *options: object) -> float:
    """Transactions per second of a run."""
    binaries = postgres.programs()
    assert binaries is not None
    command = [binaries / "pgbench", "-h", "127.0.0.1", "-p", cluster.port, "-U", postgres.OWNER,
               "-c", CLIENTS, "-j", THREADS, "-M", "prepared", "-n", *options, database]  # fmt: skip
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def postgresql(seconds: float) -> bool:
    settings = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
    with postgres.cluster(settings) as cluster, tempfile.TemporaryDirectory() as folder:
        bare = cluster.database("tpcb")
        pgbench_init(cluster, bare)
        tpcb = pgbench(cluster, bare, "-b", "tpcb-like", "-s", SCALE, "-T", seconds)
        print(f"TPC-B {tpcb:,.0f} transactions/s")
        url = cluster.url(cluster.database("ledger"))
        with closing(Database(url)) as database:
            prepare(database, ACCOUNTS)
            cluster.psql("VACUUM ANALYZE", "ledger")
            script = Path(folder) / "single.sql"
            script.write_text(SINGLE_SCRIPT)
            single = ["-f", script, "-T", seconds]
            sound = tell(
                "single", SINGLE, tpcb, rate(database, lambda: pgbench(cluster, "ledger", *single))
            )
            for name, floor, workers, hot in (
                ("one worker", ONE_WORKER, 1, False),
                ("two workers", TWO_WORKERS, 2, False),
                ("two workers, one hot account", TWO_HOT, 2, True),
            ):
                key = f"{workers}-{hot}"
                found = rate(
                    database, lambda k=key, w=workers, h=hot: batches(url, k, w, seconds, hot=h)
                )
                sound &= tell(name, floor, tpcb, found)
    return sound


def pgbench_init(cluster: postgres.Cluster, database: str) -> None:
    cluster.run("pgbench", "-h", "127.0.0.1", "-p", cluster.port, "-U", postgres.OWNER,
                "-i", "-q", "-s", SCALE, database)  # fmt: skip


def tell(name: str, floor: float, tpcb: float, found: float) -> bool:
    print(f"{name}: {found:,.0f} transfers/s, {found / tpcb:.2f} x TPC-B, floor {floor}")
    return found >= floor * tpcb


def sqlite(seconds: float) -> bool:
    accounts = ACCOUNTS // 10
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        with closing(Database(url)) as database:
            prepare(database, accounts)
            until = time.time() + seconds
            found = rate(
                database, lambda: work(url, "sqlite", accounts, until, hot=False, most=10**9)
            )
    print(f"SQLite, synchronous = FULL: {found:,.0f} transfers/s, floor {SQLITE:,}")
    return found >= SQLITE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    given = parser.parse_args()
    sound = given.only == "postgresql" or sqlite(given.seconds)
    sound &= given.only == "sqlite" or postgresql(int(given.seconds))
    sys.exit(not sound)


if __name__ == "__main__":
    main()
