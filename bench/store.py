"""End-to-end import beside a bare COPY, publication under that import, memory, receipts.

    python bench/store.py [--rows 1000000] [--receipts 10000]

One PostgreSQL server of its own, durable as shipped (fsync on). The import is the command as a
user runs it: parse, validate, look for duplicates, quantify, store, leaf. Its peer is a binary
COPY of the very rows it stored (records and quantities) into tables with nothing but a primary
key. Then a fifth as many rows are imported while a sequencer runs every second and a station
records one act after another: the time from acknowledgement to publication. Exit code 1 below a
floor.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import postgres
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.files.check_receipt import check
from carbon.settings import Settings
from run import ENVIRONMENT, measure, simulated

COPY_FLOOR, COPY_GOAL, PUBLISHED_SECONDS, MEMORY_MB = 0.1, 0.2, 5.0, 512.0
IMPACT_SECONDS = 10.0
#: A factor that enters every record.
FACTOR = "policy/platform_energy@2026-01-01"
ORIGIN = "bench.example.cn/log"
#: What a record is: the rows that both sides write. The import also writes claims and parties.
RECORDS = {"activity": "fact_id", "quantity": "fact_id"}
EVERYTHING = {**RECORDS, "claim": "record_key", "personal": "fact_id", "person": "person_id"}


def quiet(*_: object) -> None:
    """Progress nobody watches."""


# --- what runs beside the import ------------------------------------------------------------------


def sequencer(home: Settings) -> None:
    """Sequence once a second until ended."""
    system = System(home)
    while True:
        system.sequence(quiet)
        time.sleep(1)


def station(home: Settings) -> None:
    """Record acts one by one, and tell how long each took to be published once acknowledged."""
    system = System(home)
    for number in range(1_000_000):
        name = f"station-{number}"
        system.record({**_ACT, "record_id": name, "item_id": name, "receiver": name}, "station")
        acknowledged = time.perf_counter()
        while not _is_published(system, name):
            time.sleep(0.02)
        sys.stdout.write(f"{time.perf_counter() - acknowledged:.3f}\n")
        sys.stdout.flush()
        time.sleep(random.uniform(0.2, 0.8))  # noqa: S311  no secrecy needed


def _is_published(system: System, name: str) -> bool:
    try:
        return bool(system.receipt(name, "station"))
    except CarbonError as error:
        if error.code not in ("receipt.pending", "log.missing"):  # before the first checkpoint
            raise
        return False


_ACT = {
    "occurred_on": "2026-10-05",
    "channel": "station",
    "act": "donation",
    "item_type": "jeans",
    "quantity": "1",
    "condition": "good",
    "age_years": "1",
    "process": "none",
    "transport_mode": "hand",
    "receiver_region": "120000",
    "site": "120102-001",
}


# --- measuring ------------------------------------------------------------------------------------


def bare_copy(url: str, tables: dict[str, str]) -> float:
    """Seconds to COPY the stored rows, binary, into tables with a primary key only."""
    seconds = 0.0
    with psycopg.connect(url) as connection:
        for table, key in tables.items():
            with connection.cursor() as cursor:
                with cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)") as out:
                    rows = b"".join(bytes(part) for part in out)
                cursor.execute(f"CREATE TABLE bare AS SELECT * FROM {table} LIMIT 0")
                cursor.execute(f"ALTER TABLE bare ADD PRIMARY KEY ({key})")
                connection.commit()
                start = time.perf_counter()
                with cursor.copy("COPY bare FROM STDIN (FORMAT binary)") as into:
                    into.write(rows)
                connection.commit()
                seconds += time.perf_counter() - start
                cursor.execute("DROP TABLE bare")
                connection.commit()
    return seconds


def receipts(system: System, source: Path, count: int) -> tuple[int, float, float]:
    """Make receipts of random records, forget the database, check them all."""
    names = _some_ids(source, count * 5 // 4)
    made: list[bytes] = []
    start = time.perf_counter()
    for name in names:
        try:
            made.append(system.receipt(name, source.stem))
        except CarbonError as error:
            if error.code != "receipt.unknown":
                raise
        if len(made) == count:
            break
    making = time.perf_counter() - start
    vkey = system.signer.key.vkey
    system.close()
    start = time.perf_counter()
    wrong = sum(not all(c.ok for c in check(receipt, vkey)) for receipt in made)
    checking = time.perf_counter() - start
    if wrong:
        sys.exit(f"{wrong} receipts do not check")
    return len(made), making / len(made), checking / len(made)


def _some_ids(source: Path, count: int) -> list[str]:
    """Ids of random rows of a CSV file whose first column they are."""
    lines = source.read_text("utf-8").splitlines()[1:]
    chosen = random.Random(7).sample(lines, min(count, len(lines)))  # noqa: S311
    return [line.split(",", 1)[0].strip('"') for line in chosen]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--receipts", type=int, default=10_000)
    parser.add_argument("--beside", choices=("sequencer", "station"))
    asked = parser.parse_args()
    if asked.beside:
        (sequencer if asked.beside == "sequencer" else station)(Settings.read())
        return
    source = simulated(asked.rows, ".csv")
    tuned = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
    with postgres.cluster(tuned) as server, tempfile.TemporaryDirectory() as folder:
        name = server.database("carbon")
        environment = {
            **ENVIRONMENT,
            "CARBON_HOME": folder,
            "CARBON_DATABASE_URL": server.url(name, postgres.APPLICATION),
            "CARBON_DATABASE_OWNER_URL": server.url(name),
        }
        os.environ.update(environment)
        floors = _measure(asked, source, Settings.read(), server.url(name))
    sys.exit(0 if floors else 1)


def _measure(asked: argparse.Namespace, source: Path, home: Settings, url: str) -> bool:
    system = System(home)
    system.upgrade()
    system.init_log(ORIGIN)
    run = measure(_import(source, home), os.environ)
    with psycopg.connect(url) as connection:
        stored = connection.execute("SELECT count(*) FROM activity").fetchone()[0]  # type: ignore[index]
    records, everything = bare_copy(url, RECORDS), bare_copy(url, EVERYTHING)
    ratio = records / run.seconds
    print(
        f"import of {asked.rows:,} rows ({stored:,} stored): {run.seconds:.1f} s, "
        f"{asked.rows / run.seconds:,.0f} rows/s, {run.peak_mb:.0f} MB (limit {MEMORY_MB:.0f})\n"
        f"bare COPY of records and quantities: {records:.1f} s, ratio {ratio:.2f} "
        f"(floor {COPY_FLOOR}, goal {COPY_GOAL}); of all rows written: {everything:.1f} s, "
        f"ratio {everything / run.seconds:.2f}",
        flush=True,
    )
    impact_seconds = _impact(system)
    longest = _under_load(system, simulated(asked.rows // 5, ".csv"), home)
    made, making, checking = receipts(system, source, asked.receipts)
    print(
        f"receipts: {made:,} made ({making * 1e3:.1f} ms each), checked with the database closed "
        f"({checking * 1e3:.1f} ms each), all right"
    )
    return (
        ratio >= COPY_FLOOR
        and run.peak_mb <= MEMORY_MB
        and longest <= PUBLISHED_SECONDS
        and impact_seconds <= IMPACT_SECONDS
    )


def _impact(system: System) -> float:
    """Seconds to list everything downstream of one factor."""
    system.sequence(quiet)
    start = time.perf_counter()
    found = system.registry.restatements.impact(FACTOR)
    seconds = time.perf_counter() - start
    print(
        f"impact of one factor over {found['records']:,} records: {seconds:.1f} s "
        f"(limit {IMPACT_SECONDS:.0f} s)",
        flush=True,
    )
    return seconds


def _import(source: Path, home: Settings) -> list[str]:
    """The import as a user runs it; another file of the same simulation is another source."""
    annotated = str(home.spool / "rejected.csv")
    options = ["--accept-valid", "--json", "--annotated", annotated, "--source", source.stem]
    return [sys.executable, "-m", "carbon", "ingest", str(source), *options]


def _under_load(system: System, source: Path, home: Settings) -> float:
    """Longest time from acknowledgement to publication while a file is imported."""
    beside = [
        subprocess.Popen(
            [sys.executable, __file__, "--beside", name], stdout=subprocess.PIPE, text=True
        )
        for name in ("sequencer", "station")
    ]
    try:
        time.sleep(4)  # both have loaded
        measure(_import(source, home), os.environ)
        published = _wait_for_publication(system)
        time.sleep(2)
    finally:
        for process in beside:
            process.terminate()
    waits = sorted(float(line) for line in (beside[1].communicate()[0] or "").split())
    print(
        f"published after acknowledgement: the import {published:.2f} s; {len(waits)} single acts "
        f"meanwhile, median {waits[len(waits) // 2]:.2f} s, longest {waits[-1]:.2f} s "
        f"(limit {PUBLISHED_SECONDS:.0f} s)",
        flush=True,
    )
    return max(published, waits[-1])


def _wait_for_publication(system: System) -> float:
    """Seconds until the import's leaf is in a published checkpoint."""
    start = time.perf_counter()
    while sum(b'"submission"' in leaf for leaf in _published(system)) < 2:
        time.sleep(0.02)
    return time.perf_counter() - start


def _published(system: System) -> list[bytes]:
    """All leaves the latest checkpoint commits to."""
    try:
        size = int(system.log.checkpoint().decode().split("\n")[1])
        return list(system.log.leaves(size))
    except CarbonError:
        return []


if __name__ == "__main__":
    main()
