"""Speed and memory of `carbon quantify` beside the same job in DuckDB, Polars and pandas.

    python bench/run.py [--rows 10000000] [--repeat 2] [--memory-rows 50000000]

Every run is a fresh process on the same simulated file; order alternates and the best of each
counts. Results are compared record by record before anything is printed. Exit code 1: results
differ, or a floor is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

from compare import differences

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DATA = ROOT / "bench-data"

#: Goals and floors: rows per second relative to a peer, and megabytes.
PARQUET_GOAL, PARQUET_FLOOR, CSV_FLOOR, MEMORY_MB = 1.0, 0.7, 0.5, 1024.0
#: pandas holds every column of every step: it is given a smaller file of its own.
PANDAS_ROWS = 1_000_000
POLL_SECONDS = 0.02
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "CARBON_LANG": "en"}

CARBON, DUCKDB, POLARS = "carbon (Parquet)", "DuckDB (Parquet)", "Polars (Parquet)"
CARBON_CSV, DUCKDB_CSV, PANDAS = "carbon (CSV)", "DuckDB (CSV)", "pandas (Parquet)"


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took; processor seconds tell how busy the machine was with others."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Contender:
    """A name, the file it reads, and its command without input and output."""

    name: str
    source: Path
    rows: int
    script: str | None = None

    def command(self, out: Path) -> list[str]:
        """The command line of a run."""
        if self.script is None:
            quantify = ["-m", "carbon", "quantify", str(self.source), "--out", str(out), "--json"]
            return [sys.executable, *quantify]
        return [sys.executable, str(HERE / self.script), str(self.source), str(out)]


# --- data ---------------------------------------------------------------------------------------


def simulated(rows: int, suffix: str) -> Path:
    """A simulated file of some rows, made once."""
    path = DATA / f"simulated-{rows}{suffix}"
    if path.exists():
        return path
    days = next((d for d in range(30, 0, -1) if rows % (1_000 * d) == 0), 0)
    if not days:
        sys.exit(f"--rows must be a multiple of 1,000, not {rows}")
    scale = rows // (1_000 * days)
    command = ["-m", "carbon", "simulate", "--out", str(path), "--days", str(days)]
    print(f"simulating {path.name}", file=sys.stderr)
    subprocess.run(
        [sys.executable, *command, "--scale", str(scale), "--json"],
        check=True,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
    )
    return path


# --- measuring ----------------------------------------------------------------------------------


def measure(command: Sequence[str], environment: Mapping[str, str] = ENVIRONMENT) -> Run:
    """Wall time and peak resident memory of a process with its children."""
    start, before = time.perf_counter(), _cpu_of_children()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _resident(process.pid))
        time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"failed with {process.returncode}: {' '.join(command)}")
    return Run(seconds, _cpu_of_children() - before, peak / 2**20)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _resident(pid: int) -> int:
    try:
        tree = psutil.Process(pid)
        return sum(p.memory_info().rss for p in (tree, *tree.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def run_once(contender: Contender, reference: Path | None) -> Run:
    """Measure one run, compare its result with a reference, and remove it."""
    out = DATA / "out"
    shutil.rmtree(out, ignore_errors=True)
    print(f"running {contender.name}", file=sys.stderr)
    run = measure(contender.command(out))
    if reference is None:
        shutil.rmtree(out, ignore_errors=True)
    elif not reference.exists():
        out.rename(reference)
    else:
        found = differences(reference, out)
        shutil.rmtree(out, ignore_errors=True)
        for title, count, rows in found:
            print(f"{title}: {count:,}, first {rows[:3]}", file=sys.stderr)
        if found:
            sys.exit(f"{contender.name} differs from {CARBON}")
    return run


def contest(contenders: Sequence[Contender], repeat: int) -> dict[str, Run]:
    """The best run of each contender; results are compared in the first round."""
    reference = DATA / "reference"
    shutil.rmtree(reference, ignore_errors=True)
    runs: dict[str, list[Run]] = {c.name: [] for c in contenders}
    try:
        for number in range(repeat):
            order = contenders if number % 2 == 0 else contenders[::-1]
            for contender in order:
                kept = reference if number == 0 else None
                runs[contender.name].append(run_once(contender, kept))
    finally:
        shutil.rmtree(reference, ignore_errors=True)
    return {name: _best(taken) for name, taken in runs.items()}


def _best(runs: Sequence[Run]) -> Run:
    return Run(
        min(r.seconds for r in runs),
        min(r.cpu_seconds for r in runs),
        max(r.peak_mb for r in runs),
    )


# --- report -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    name: str
    rows: int
    seconds: float
    cpu_seconds: float
    rows_per_second: float
    ratio: float  # 0 where there is no peer
    peak_mb: float


def table(contenders: Sequence[Contender], best: dict[str, Run]) -> list[Line]:
    """Speed of each contender, relative to the faster of DuckDB and Polars on Parquet."""
    speed = {c.name: c.rows / best[c.name].seconds for c in contenders}
    yardstick = max(speed[DUCKDB], speed[POLARS])
    return [
        Line(
            c.name,
            c.rows,
            round(best[c.name].seconds, 2),
            round(best[c.name].cpu_seconds, 2),
            round(speed[c.name]),
            round(speed[c.name] / yardstick, 3),
            round(best[c.name].peak_mb),
        )
        for c in contenders
    ]


def print_table(lines: Sequence[Line]) -> None:
    """The table as text."""
    print(
        f"{'':18}{'rows':>12}{'seconds':>10}{'CPU s':>8}{'rows/s':>12}{'ratio':>8}{'peak MB':>10}"
    )
    for line in lines:
        print(
            f"{line.name:18}{line.rows:>12,}{line.seconds:>10.1f}{line.cpu_seconds:>8.1f}"
            f"{line.rows_per_second:>12,.0f}{line.ratio:>8.2f}{line.peak_mb:>10,.0f}"
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bound, what was measured, and whether it holds."""

    what: str
    measured: float
    bound: float
    kept: bool
    floor: bool

    def say(self) -> str:
        """One line."""
        word = "ok" if self.kept else ("MISSED" if self.floor else "not reached")
        kind = "floor" if self.floor else "goal"
        return f"{word:12}{self.what}: {self.measured:,.2f} ({kind} {self.bound:,.2f})"


def verdicts(lines: Sequence[Line]) -> list[Verdict]:
    """The bounds of speed and memory."""
    by_name = {line.name: line for line in lines}
    parquet, csv = by_name[CARBON].ratio, by_name[CARBON_CSV]
    csv_ratio = csv.rows_per_second / by_name[DUCKDB_CSV].rows_per_second
    faster = "Parquet, rows/s relative to the faster of DuckDB and Polars"
    return [
        Verdict(faster, parquet, PARQUET_GOAL, parquet >= PARQUET_GOAL, floor=False),
        Verdict(faster, parquet, PARQUET_FLOOR, parquet >= PARQUET_FLOOR, floor=True),
        Verdict(
            "CSV, rows/s relative to DuckDB",
            csv_ratio,
            CSV_FLOOR,
            csv_ratio >= CSV_FLOOR,
            floor=True,
        ),
        memory("carbon, Parquet, peak MB", by_name[CARBON].peak_mb),
        memory("carbon, CSV, peak MB", csv.peak_mb),
    ]


def memory(what: str, peak_mb: float) -> Verdict:
    """The bound of memory."""
    return Verdict(what, peak_mb, MEMORY_MB, peak_mb <= MEMORY_MB, floor=True)


# --- the two benchmarks -------------------------------------------------------------------------


def compare_engines(rows: int, repeat: int) -> tuple[list[Line], list[Verdict]]:
    """All contenders on one file; pandas on a smaller one."""
    parquet, csv = simulated(rows, ".parquet"), simulated(rows, ".csv")
    contenders = [
        Contender(CARBON, parquet, rows),
        Contender(DUCKDB, parquet, rows, "peer_duckdb.py"),
        Contender(POLARS, parquet, rows, "peer_polars.py"),
        Contender(CARBON_CSV, csv, rows),
        Contender(DUCKDB_CSV, csv, rows, "peer_duckdb.py"),
    ]
    best = contest(contenders, repeat)
    few = min(rows, PANDAS_ROWS)
    small = simulated(few, ".parquet")
    naive = [Contender(CARBON, small, few), Contender(PANDAS, small, few, "peer_pandas.py")]
    best[PANDAS] = contest(naive, 1)[PANDAS]
    lines = table([*contenders, naive[1]], best)
    return lines, verdicts(lines)


def large_file(rows: int) -> tuple[list[Line], list[Verdict]]:
    """Carbon alone on a file far larger than its memory."""
    contender = Contender(f"carbon, {rows:,}", simulated(rows, ".parquet"), rows)
    run = run_once(contender, None)
    line = Line(
        contender.name,
        rows,
        round(run.seconds, 2),
        round(run.cpu_seconds, 2),
        round(rows / run.seconds),
        0.0,
        round(run.peak_mb),
    )
    return [line], [memory(f"carbon, {rows:,} rows, peak MB", run.peak_mb)]


def main() -> int:
    """Run what was asked for; 1 if a floor is missed."""
    parser = argparse.ArgumentParser(description="Speed and memory beside DuckDB, Polars, pandas.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--memory-rows", type=int, default=0, help="only carbon, on this many rows")
    asked = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    if asked.memory_rows:
        lines, found = large_file(asked.memory_rows)
    else:
        lines, found = compare_engines(asked.rows, asked.repeat)
    results = {"lines": [asdict(x) for x in lines], "verdicts": [asdict(v) for v in found]}
    (DATA / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print_table(lines)
    print("\n".join(v.say() for v in found))
    return 1 if any(v.floor and not v.kept for v in found) else 0


if __name__ == "__main__":
    sys.exit(main())
