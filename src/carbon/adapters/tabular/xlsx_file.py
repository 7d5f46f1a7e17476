"""XLSX submissions: the first sheet that holds data, with its limits checked before unpacking."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetVisibleEnum,
)

from carbon.adapters.tabular.tables import Held, Piece
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int

MAX_ROWS = 1_048_575
MAX_UNPACKED_BYTES = 1 << 30
MAX_ENTRIES = 5_000
#: Cells of the rectangle around a sheet's data. The reader reserves room for all of them at once,
#: and ends the process where it cannot: two cells far apart are found before it is asked.
MAX_CELLS = 32_000_000
#: The worst legitimate workbook packs 16 times, a bomb a thousand times.
MAX_RATIO = 50
#: Bytes of a sheet looked at together, and the longest cell that is found across two of them.
_BLOCK_BYTES, _LONGEST_CELL = 1 << 20, 1 << 16
#: Rows that are Python objects at the same time.
_ROWS_AT_ONCE = 4_096
#: What readers of broken archives raise.
_BROKEN = (CalamineError, zipfile.BadZipFile, zlib.error, RuntimeError)


#: A cell of type error, or a formula that is not followed by its value.
_BROKEN_CELL = re.compile(
    rb'<c r="([A-Z]+[0-9]+)"[^>]*\bt="e"'
    rb'|<c r="([A-Z]+[0-9]+)"[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


#: What stands in every such cell; most sheets have none.
_BREAKABLE = (b't="e"', b"<f")
#: Where a cell that holds something stands.
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Z]{1,3})([0-9]{1,7})["'][^>]*(?<!/)>""")
#: The one large part that is no sheet; a sheet may have any name.
_TEXTS = "xl/sharedStrings.xml"


class XlsxFile:
    """An XLSX workbook; implements ``TableFile``. Raises ``file.*``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.malformed: dict[int, str] = {}
        self._check_archive()
        try:
            self._check_cells()
            sheet = self._only_with_data(CalamineWorkbook.from_path(path))
            self._check_sheet(sheet)
            rows = enumerate(sheet.iter_rows(), 1)
            self._header = self._read_header(rows)
            self._pieces = list(_texts(rows, len(self._header)))
        except (*_BROKEN, OSError, ValueError) as error:
            raise CarbonError("file.format", path=path, reason=str(error)[:200]) from error

    def _read_header(self, rows: Iterator[tuple[int, list[Any]]]) -> list[str]:
        """The first row with cells; raises ``file.empty`` without one."""
        for _, row in rows:
            header = [_cell(value) or "" for value in row]
            while header and not header[-1]:
                header.pop()
            if header:
                return header
        raise CarbonError("file.empty", path=self.path)

    def _check_archive(self) -> None:
        try:
            with zipfile.ZipFile(self.path) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise CarbonError("file.format", path=self.path, reason=error) from error
        unpacked = sum(entry.file_size for entry in entries)
        ratio = unpacked // max(1, self.path.stat().st_size)
        if ratio > MAX_RATIO:
            raise CarbonError("file.zip_bomb", path=self.path, ratio=ratio, limit=MAX_RATIO)
        self._check_limit("bytes", unpacked, MAX_UNPACKED_BYTES)
        self._check_limit("entries", len(entries), MAX_ENTRIES)

    def _only_with_data(self, workbook: CalamineWorkbook) -> CalamineSheet:
        """The one visible sheet that holds data; several would leave rows unread."""
        visible = [
            s.name for s in workbook.sheets_metadata if s.visible == SheetVisibleEnum.Visible
        ]
        sheets = [workbook.get_sheet_by_name(name) for name in visible]
        filled = [sheet for sheet in sheets if sheet.height]
        if not filled:
            raise CarbonError("file.empty", path=self.path)
        if len(filled) > 1:
            names = ", ".join(sheet.name for sheet in filled[:10])
            raise CarbonError("file.sheets", path=self.path, names=names)
        return filled[0]

    def _check_cells(self) -> None:
        """Error values and formulas without a result would read as empty: refused by name."""
        with zipfile.ZipFile(self.path) as archive:
            for name in archive.namelist():
                if name != _TEXTS:
                    with archive.open(name) as part:
                        self._check_part(part)

    def _check_part(self, part: IO[bytes]) -> None:
        seen, columns, rows = b"", {b"A"}, 1
        while block := part.read(_BLOCK_BYTES):
            # What stands across two blocks is whole in the second one with the end of the first.
            seen = seen[-_LONGEST_CELL:] + block
            if any(mark in seen for mark in _BREAKABLE):
                self._check_broken(seen)
            places = _PLACE.findall(seen)
            columns |= {column for column, _ in places}
            rows = max(rows, max(map(int, {row for _, row in places}), default=1))
        self._check_limit("cells", rows * max(map(_number, columns)), MAX_CELLS)

    def _check_broken(self, cells: bytes) -> None:
        found = _BROKEN_CELL.search(cells)
        if found:
            cell = (found[1] or found[2]).decode()
            raise CarbonError("file.error_cells", path=self.path, cell=cell)

    def _check_limit(self, what: str, value: int, limit: int) -> None:
        if value > limit:
            raise CarbonError("file.too_large", path=self.path, what=what, value=value, limit=limit)

    def _check_sheet(self, sheet: CalamineSheet) -> None:
        merged = sheet.merged_cell_ranges
        if merged:
            (row, column), _ = merged[0]
            raise CarbonError("file.merged_cells", path=self.path, row=row + 1, column=column + 1)
        self._check_limit("rows", sheet.total_height - 1, MAX_ROWS)

    def header(self) -> list[str]:
        """Cells of the first row."""
        return self._header

    def total_rows(self) -> int:
        """Number of rows that hold cells."""
        return sum(len(rows) for _, rows in self._pieces)

    def pieces(
        self,
        columns: Sequence[str],
        coded: Sequence[str],  # noqa: ARG002  text is coded when read
        *,
        whole: bool = False,  # noqa: ARG002
    ) -> Iterator[Piece]:
        """Slices of the sheet as text; blank rows are left out."""
        places = {name: self._header.index(name) for name in columns}
        for cells, rows in self._pieces:
            yield Held(pa.table({name: cells[place] for name, place in places.items()})), rows


def _texts(
    rows: Iterable[tuple[int, list[Any]]], width: int
) -> Iterator[tuple[list[pa.Array], Int]]:
    """Columns of some rows at a time, and where the rows are: Python's cells never pile up."""
    filled = ((n, row) for n, row in rows if row.count("") < len(row))
    while part := list(islice(filled, _ROWS_AT_ONCE)):
        cells = [pa.array([_cell(row[n]) for _, row in part], pa.string()) for n in range(width)]
        yield cells, np.array([n for n, _ in part], np.int64)


def _number(column: bytes) -> int:
    """The number of a column by its letters, from 1."""
    number = 0
    for letter in column:
        number = 26 * number + letter - ord("A") + 1
    return number


def _cell(value: object) -> str | None:
    """A cell as the text a careful person would type."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)
