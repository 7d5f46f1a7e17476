"""XLSX submissions: the first sheet that holds data, with its limits checked before unpacking."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetVisibleEnum,
)

from carbon.adapters.tabular.tables import CHUNK_ROWS, FIRST_ROW, Held, Piece
from carbon.domain.errors import CarbonError

MAX_ROWS = 1_048_575
MAX_UNPACKED_BYTES = 1 << 30
MAX_ENTRIES = 5_000
#: The worst legitimate workbook packs 16 times, a bomb a thousand times.
MAX_RATIO = 50


#: A cell of type error, or a formula that is not followed by its value.
_BROKEN_CELL = re.compile(
    rb'<c r="([A-Z]+[0-9]+)"[^>]*\bt="e"'
    rb'|<c r="([A-Z]+[0-9]+)"[^>]*>\s*<f[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>'
)


class XlsxFile:
    """An XLSX workbook; implements ``TableFile``. Raises ``file.*``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.malformed: dict[int, str] = {}
        self._check_archive()
        try:
            workbook = CalamineWorkbook.from_path(path)
            sheet = self._only_with_data(workbook)
            self._check_cells()
            self._check_sheet(sheet)
            rows = sheet.to_python(skip_empty_area=False)
        except (CalamineError, OSError, ValueError) as error:
            raise CarbonError("file.format", path=path, reason=str(error)[:200]) from error
        blank = next((n for n, row in enumerate(rows) if any(c != "" for c in row)), len(rows))
        header = [_cell(value) for value in rows[blank]] if rows[blank:] else []
        while header and not header[-1]:
            header.pop()
        if not header:
            raise CarbonError("file.empty", path=path)
        self._header = [cell or "" for cell in header]
        self._rows = rows[blank + 1 :]
        self._first = FIRST_ROW + blank

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
        for what, value, limit in (
            ("bytes", unpacked, MAX_UNPACKED_BYTES),
            ("entries", len(entries), MAX_ENTRIES),
        ):
            if value > limit:
                raise CarbonError(
                    "file.too_large", path=self.path, what=what, value=value, limit=limit
                )

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
                if name.startswith("xl/worksheets/sheet") and name.endswith(".xml"):
                    found = _BROKEN_CELL.search(archive.read(name))
                    if found:
                        cell = (found[1] or found[2]).decode()
                        raise CarbonError("file.error_cells", path=self.path, cell=cell)

    def _check_sheet(self, sheet: CalamineSheet) -> None:
        merged = sheet.merged_cell_ranges
        if merged:
            (row, column), _ = merged[0]
            raise CarbonError("file.merged_cells", path=self.path, row=row + 1, column=column + 1)
        if sheet.total_height > MAX_ROWS + 1:
            raise CarbonError(
                "file.too_large",
                path=self.path,
                what="rows",
                value=sheet.total_height,
                limit=MAX_ROWS,
            )

    def header(self) -> list[str]:
        """Cells of the first row."""
        return self._header

    def total_rows(self) -> int:
        """Number of rows below the header."""
        return len(self._rows)

    def pieces(
        self,
        columns: Sequence[str],
        coded: Sequence[str],  # noqa: ARG002  text is coded when read
        *,
        whole: bool = False,  # noqa: ARG002
    ) -> Iterator[Piece]:
        """Slices of the sheet as text; blank rows are left out."""
        places = {name: self._header.index(name) for name in columns}
        for start in range(0, len(self._rows), CHUNK_ROWS):
            part = self._rows[start : start + CHUNK_ROWS]
            kept = [n for n, row in enumerate(part) if any(cell != "" for cell in row)]
            if kept:
                table = pa.table(
                    {
                        name: pa.array([_cell(part[n][place]) for n in kept], pa.string())
                        for name, place in places.items()
                    }
                )
                yield Held(table), pa.array(kept).to_numpy() + self._first + start


def _cell(value: object) -> str | None:
    """A cell as the text a careful person would type."""
    if value == "":
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)
