"""Uploads as a worker checks and stores them, against their limits of time and memory.

    python bench/uploads.py [--rows 100000] [--csv-rows 1000000]

On SQLite, as shipped. A workbook of simulated acts is received, then checked and stored by a worker
in a process of its own; so is a CSV file ten times as long. Last come files that promise more than
they hold: what the worker takes to refuse them. Exit code 1 over a limit.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

from carbon.bootstrap.system import System
from carbon.domain.upload import Announced, State, Wanted
from carbon.settings import Settings
from run import ENVIRONMENT, Run, measure, simulated

XLSX_SECONDS, CSV_SECONDS, MEMORY_MB = 10.0, 60.0, 512.0
ORGANISATION = "bench"
WORK = "from carbon.bootstrap.system import System; from carbon.settings import Settings; "
WORK += "System(Settings.read()).uploads.work(lambda: False)"


# --- files ----------------------------------------------------------------------------------------

SCHEMAS = "http://schemas.openxmlformats.org"
KINDS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
LINKS = f"{SCHEMAS}/officeDocument/2006/relationships"
PACKAGE = f"{SCHEMAS}/package/2006"
MAIN = f'xmlns="{SCHEMAS}/spreadsheetml/2006/main"'


def _link(kind: str, target: str) -> str:
    one = f'<Relationship Id="r1" Type="{LINKS}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{PACKAGE}/relationships">{one}</Relationships>'


#: The least a workbook consists of, but for its sheet.
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{KINDS}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{KINDS}.worksheet+xml"/></Types>',
    "_rels/.rels": _link("officeDocument", "xl/workbook.xml"),
    "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{LINKS}">'
    '<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": _link("worksheet", "worksheets/sheet1.xml"),
}
SHEET = f"<worksheet {MAIN}><sheetData>"


def workbook(path: Path, rows: Iterator[list[str]]) -> Path:
    """A workbook of text cells, written as a stream."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in PARTS.items():
            archive.writestr(name, text)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(SHEET.encode())
            for number, row in enumerate(rows, 1):
                cells = "".join(
                    f'<c r="{_letters(n)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
                    for n, cell in enumerate(row)
                    if cell
                )
                sheet.write(f'<row r="{number}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
    return path


def _letters(place: int) -> str:
    high, low = divmod(place, 26)
    return (chr(64 + high) if high else "") + chr(65 + low)


def first_rows(path: Path, count: int) -> Iterator[list[str]]:
    """The header and so many rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        for number, row in enumerate(csv.reader(stream)):
            if number > count:
                return
            yield row


def greedy(folder: Path) -> Iterator[Path]:
    """Files just below the ratio that is refused at once, and ones that promise many rows."""
    noise = [f"r{n}" for n in range(24)]
    yield workbook(folder / "wide.xlsx", ([f"{c}{n}" for c in noise] for n in range(600_000)))
    yield workbook(folder / "long.xlsx", ([str(n)] for n in range(1_048_000)))
    path = folder / "same.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000_000, pa.int8()), ["x" * 400])
    pq.write_table(pa.table({"record_id": column}), path, row_group_size=50_000_000)
    yield path


# --- measuring ------------------------------------------------------------------------------------


def receive(system: System, path: Path, id_: str) -> None:
    """Take a file in as the web does."""
    content = path.read_bytes()
    announced = Announced(path.name, len(content), sha256(content).hexdigest())
    system.uploads.announce(ORGANISATION, id_, announced)
    with system.uploads.arriving(ORGANISATION, id_, 0) as piece:
        piece.write(content)
        piece.finish()
    system.uploads.check(ORGANISATION, id_, Wanted())


def worked(home: Path) -> Run:
    """What a worker takes for what waits."""
    return measure([sys.executable, "-c", WORK], {**ENVIRONMENT, "CARBON_HOME": str(home)})


def told(name: str, run: Run, seconds: float) -> bool:
    """Print a run beside its limits; whether it kept them."""
    print(
        f"{name:28} {run.seconds:7.1f} s (processor {run.cpu_seconds:5.1f} s)"
        f"  {run.seconds / seconds:5.2f} of {seconds:.0f} s"
        f"  {run.peak_mb:6.0f} MB  {run.peak_mb / MEMORY_MB:5.2f} of {MEMORY_MB:.0f} MB"
    )
    return run.seconds <= seconds and run.peak_mb <= MEMORY_MB


def check_and_store(system: System, home: Path, path: Path, limit: float) -> bool:
    """One file all the way."""
    receive(system, path, path.name)
    kept = told(f"check {path.name}", worked(home), limit)
    found = system.uploads.find(ORGANISATION, path.name)
    if found.state is not State.CHECKED:
        sys.exit(f"not checked: {found.report}")
    system.uploads.commit(ORGANISATION, path.name, accept_valid=True)
    kept &= told(f"store {path.name}", worked(home), 3 * limit)
    return kept and system.uploads.find(ORGANISATION, path.name).state is State.STORED


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--csv-rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        system = System(Settings.read({**ENVIRONMENT, "CARBON_HOME": str(home)}))
        system.upgrade()
        text = simulated(given.csv_rows, ".csv")
        book = workbook(folder / f"{given.rows}.xlsx", first_rows(text, given.rows))
        kept = check_and_store(system, home, book, XLSX_SECONDS)
        kept &= check_and_store(system, home, text, CSV_SECONDS)
        for path in greedy(folder):
            receive(system, path, path.name)
            kept &= told(f"greedy {path.name}", worked(home), CSV_SECONDS)
            report = system.uploads.find(ORGANISATION, path.name).report or {}
            print(
                f"    {path.stat().st_size / 2**20:.1f} MB: {report.get('error', {}).get('code')}"
            )
        system.close()
    sys.exit(not kept)


if __name__ == "__main__":
    main()
