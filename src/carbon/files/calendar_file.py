"""Read the working-day calendar: a CSV with one row per day that a notice changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

from carbon.domain.calendar import KINDS, Calendar, is_weekend
from carbon.domain.errors import CarbonError

#: Where it lies in a factor folder.
CALENDAR: Final = Path("calendar", "workdays.csv")
COLUMNS: Final = ("day", "kind", "name", "source")
#: A century of notices.
MAX_BYTES: Final = 500_000


def read_calendar(path: Path) -> Calendar:
    """The calendar of a file. Raises ``file.missing``, ``file.too_large``, ``calendar.file``."""
    if not path.is_file():
        raise CarbonError("file.missing", path=path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CarbonError("file.too_large", path=path, what="bytes", value=size, limit=MAX_BYTES)
    return parse_calendar(path.read_bytes(), path)


def parse_calendar(content: bytes, path: Path) -> Calendar:
    """The calendar from a file's bytes; ``path`` is what errors name. Raises ``calendar.file``."""
    days: dict[str, set[date]] = {kind: set() for kind in KINDS}
    lines: dict[date, int] = {}
    for line, cells in _rows(content, path):
        day, kind = _checked(cells, path, line)
        if lines.setdefault(day, line) != line:
            raise _wrong(path, line, cells[0])
        days[kind].add(day)
    found = Calendar(frozenset(days["holiday"]), frozenset(days["workday"]))
    for day, line in lines.items():
        if not found.covers(day.year):
            raise _wrong(path, line, f"{day.year}-01-01")
    return found


def _rows(content: bytes, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows with their lines, the header checked and left out."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise _wrong(path, 1, ",".join(header))
        for cells in reader:
            yield reader.line_num, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise _wrong(path, 1, str(error)) from error


def _checked(cells: list[str], path: Path, line: int) -> tuple[date, str]:
    """Day and kind of a row; a workday must be a weekend, or the row would change nothing."""
    if len(cells) != len(COLUMNS) or not all(cells):
        raise _wrong(path, line, ",".join(cells))
    try:
        day = date.fromisoformat(cells[0])
    except ValueError as error:
        raise _wrong(path, line, cells[0]) from error
    kind = cells[1]
    idle = kind == "workday" and not is_weekend(day)
    if day.isoformat() != cells[0] or kind not in KINDS or idle:
        raise _wrong(path, line, f"{cells[0]},{kind}")
    return day, kind


def _wrong(path: Path, line: int, value: str) -> CarbonError:
    return CarbonError("calendar.file", path=path, line=line, value=value)
