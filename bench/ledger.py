"""Speed of the ledger, as multiples of pgbench's TPC-B in the same cluster, all constraints on.

    python bench/ledger.py [--seconds 5] [--journals 1000000]

Every transfer is a journal of its own with a key of its own. Singles are the statements the adapter
makes for one journal, run by pgbench at 8 clients; batches of 1,000 go through the adapter itself,
their journals made before the clock starts. fsync is on. All take turns, the best of each counts,
by the rows that exist afterwards. Then all invariants are checked over a million journals. Exit
code 1: a floor is missed. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import postgres
from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.entries import ENTER
from carbon.adapters.store.ledger import open_account, post, post_batch
from carbon.adapters.store.ledger_checks import LedgerChecks
from carbon.adapters.store.registry_checks import RegistryChecks
from carbon.bootstrap.system import System
from carbon.domain.ledger.account import Account, Policy
from carbon.domain.ledger.journal import Journal, Transfer
from carbon.ports.ledger import MAX_BATCH
from carbon.services.invariants import Stores, check_everything
from carbon.settings import Settings

#: Floors: multiples of TPC-B; transfers per second on SQLite; seconds of the check.
FLOORS = {
    "single": 1.0,
    "one worker": 2.5,
    "two workers": 4.0,
    "two workers, one hot account": 4.0,
}
SQLITE, CHECK_SECONDS = 30_000, 60.0
#: Batches of a run; seconds in which they are made.
ROUNDS, BATCHES, MAKING_SECONDS = 3, 80, 4.0
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


def prepare(system: System, accounts: int) -> None:
    """A source, and accounts with enough to give."""
    system.upgrade()
    with system.database.write() as connection:
        open_account(connection, Account("points", "issuer", Policy.SOURCE), AT)
        number = connection.execute(sa.select(t.asset.c.id)).scalar_one()
        rows = [
            {"asset": number, "code": f"a{n}", "policy": "holder", "opened_at": AT}
            for n in range(1, accounts + 1)
        ]
        connection.execute(sa.insert(t.account), rows)
    with system.database.write() as connection:
        names = iter(rows)
        while part := list(islice(names, MAX_BATCH)):
            lines = tuple(Transfer("points", "issuer", row["code"], 10**9) for row in part)
            post(connection, [Journal(f"grant/{part[0]['code']}", "grant", lines)], AT)


def journals(name: str, accounts: int, *, hot: bool) -> Iterator[Journal]:
    """Endless transfers between accounts, or from one to all others."""
    chance, number = random.Random(name), 0  # noqa: S311  no secret
    while True:
        giver = 1 if hot else chance.randint(1, accounts)
        getter = chance.randint(2, accounts) if hot else giver % accounts + 1
        yield Journal(
            f"{name}/{number}", "bench", (Transfer("points", f"a{giver}", f"a{getter}", 1),)
        )
        number += 1


def made(name: str, accounts: int, batches: int, *, hot: bool = False) -> list[list[Journal]]:
    """So many batches of journals."""
    source = journals(name, accounts, hot=hot)
    return [list(islice(source, MAX_BATCH)) for _ in range(batches)]


def post_all(database: Database, batches: list[list[Journal]]) -> None:
    for batch in batches:
        post_batch(database, batch, AT)


def work(url: str, name: str, batches: int, start: float, *, hot: bool) -> float:
    """Make journals, post them from a moment on, and tell when all are posted."""
    waiting = made(name, ACCOUNTS, batches, hot=hot)
    with closing(Database(url)) as database:
        count(database)  # connects
        if time.time() > start:
            sys.exit("this machine is too busy: the journals were not made in time")
        time.sleep(start - time.time())
        post_all(database, waiting)
    return time.time()


def count(database: Database) -> int:
    query = sa.select(sa.func.count()).select_from(t.transfer)
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def rate(database: Database, act: Callable[[], float]) -> float:
    """Transfers per second of an act that tells its seconds, by the rows that exist afterwards."""
    before = count(database)
    seconds = act()
    return (count(database) - before) / seconds


def seconds_of(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


class Workers:
    """Processes that post batches; their journals are made before the clock starts."""

    def __init__(self, url: str, pool: ProcessPoolExecutor) -> None:
        self._url, self._pool, self._run = url, pool, 0

    def post(self, workers: int, *, hot: bool) -> float:
        self._run += 1
        start = time.time() + MAKING_SECONDS
        ends = [
            self._pool.submit(work, self._url, f"{self._run}-{n}", BATCHES, start, hot=hot)
            for n in range(workers)
        ]
        return max(end.result() for end in ends) - start


def pgbench(cluster: postgres.Cluster, database: str, *options: object) -> float:
    """Transactions per second of a run."""
    binaries = postgres.programs()
    if binaries is None:
        sys.exit("no PostgreSQL server programs: run tools/install-postgres")
    place = ["-h", "127.0.0.1", "-p", cluster.port, "-U", postgres.OWNER]
    how = ["-c", CLIENTS, "-j", THREADS, "-M", "prepared", "-n"]
    command = [binaries / "pgbench", *place, *how, *options, database]
    done = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    return float(found[1]) if found else 0.0


def postgresql(folder: Path, seconds: float, journals_: int) -> bool:
    with postgres.cluster({"shared_buffers": "512MB", "max_wal_size": "4GB"}) as cluster:
        bare, name = cluster.database("tpcb"), cluster.database("ledger")
        place = ["-h", "127.0.0.1", "-p", cluster.port, "-U", postgres.OWNER]
        cluster.run("pgbench", *place, "-i", "-q", "-s", SCALE, bare)
        urls = {
            "CARBON_HOME": str(folder),
            "CARBON_DATABASE_URL": cluster.url(name, postgres.APPLICATION),
            "CARBON_DATABASE_OWNER_URL": cluster.url(name),
        }
        system = System(Settings.read(urls))
        prepare(system, ACCOUNTS)
        cluster.psql("VACUUM ANALYZE", name)
        script = folder / "single.sql"
        script.write_text(SINGLE_SCRIPT)
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            workers = Workers(urls["CARBON_DATABASE_URL"], pool)
            acts: dict[str, Callable[[], float]] = {
                "single": lambda: seconds_of(
                    lambda: pgbench(cluster, name, "-f", script, "-T", round(seconds))
                ),
                "one worker": lambda: workers.post(1, hot=False),
                "two workers": lambda: workers.post(2, hot=False),
                "two workers, one hot account": lambda: workers.post(2, hot=True),
            }
            sound = compare(cluster, bare, system.database, acts, seconds)
        sound &= checked(system, journals_)
        system.close()
    return sound


def compare(
    cluster: postgres.Cluster,
    bare: str,
    database: Database,
    acts: Mapping[str, Callable[[], float]],
    seconds: float,
) -> bool:
    """All take turns, and the best of each counts: others use this machine too."""
    tpcb, best = 0.0, dict.fromkeys(acts, 0.0)
    for _ in range(ROUNDS):
        found = pgbench(cluster, bare, "-b", "tpcb-like", "-s", SCALE, "-T", round(seconds))
        tpcb = max(tpcb, found)
        for name, act in acts.items():
            best[name] = max(best[name], rate(database, act))
    print(f"TPC-B: {tpcb:,.0f} transactions/s")
    for name, found in best.items():
        floor = FLOORS[name]
        print(f"{name}: {found:,.0f} transfers/s, {found / tpcb:.2f} x TPC-B, floor {floor}")
    return all(found >= FLOORS[name] * tpcb for name, found in best.items())


def checked(system: System, journals_: int) -> bool:
    """The time of all invariants over so many journals, their replay from the log included."""
    missing = max(0, journals_ - count(system.database))
    more = journals("more", ACCOUNTS, hot=False)
    for _ in range(0, missing, MAX_BATCH):
        post_batch(system.database, list(islice(more, MAX_BATCH)), AT)
    system.init_log("bench.example.cn/ledger")
    head = system.sequence(lambda *_: None)
    size = head.size if head else 0
    start = time.perf_counter()
    database = system.database
    stores = Stores(LedgerChecks(database), RegistryChecks(database), system.log, size)
    found = check_everything(stores)
    elapsed = time.perf_counter() - start
    print(f"{count(system.database):,} journals checked and replayed in {elapsed:.1f} s, "
          f"limit {CHECK_SECONDS:.0f}")  # fmt: skip
    for error in found:
        print(error)
    return elapsed <= CHECK_SECONDS and not found


def sqlite(folder: Path) -> bool:
    accounts = ACCOUNTS // 10
    system = System(Settings.read({"CARBON_HOME": str(folder)}))
    prepare(system, accounts)
    best = 0.0
    for turn in range(ROUNDS):
        batches = made(f"sqlite-{turn}", accounts, BATCHES)
        post = partial(post_all, system.database, batches)
        best = max(best, rate(system.database, partial(seconds_of, post)))
    system.close()
    print(f"SQLite, synchronous = FULL: {best:,.0f} transfers/s, floor {SQLITE:,}")
    return best >= SQLITE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--journals", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        sound = sqlite(Path(one))
        sound &= postgresql(Path(other), given.seconds, given.journals)
    sys.exit(not sound)


if __name__ == "__main__":
    main()
