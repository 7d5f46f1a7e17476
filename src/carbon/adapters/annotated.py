"""The rejected rows of a submission, given back with what is wrong and what to do in each.

CSV in UTF-8 with a byte order mark, as a Chinese spreadsheet opens it; it can be corrected and
submitted again as it is, its own columns being ignored.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from carbon.adapters.spreadsheet import harmless
from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.mapping import OWN_COLUMN
from carbon.domain.activity.record import Finding
from carbon.domain.errors import FAULTS, CarbonError, Lang

_OWN = tuple(OWN_COLUMN + name for name in ("row", "column", "code", "problem", "fix"))


class AnnotatedFile:
    """Appends rejected rows to a file that appears with the first of them; ``None``: to nowhere.

    Raises ``file.output`` where it cannot be written.
    """

    def __init__(self, path: Path | None, lang: Lang) -> None:
        self.path = path
        self._lang = lang
        self._stream: IO[str] | None = None
        self._header: list[str] = []

    def add(self, chunk: TableChunk, findings: Sequence[Finding]) -> None:
        """Rows of a chunk that have findings, each with all of them."""
        reasons: dict[int, list[Finding]] = defaultdict(list)
        for found in findings:
            for place in found.rows.tolist():
                reasons[place].append(found)
        if not reasons or self.path is None:
            return
        places = sorted(reasons)
        raw = chunk.raw().take(pa.array(places))
        columns = [typed.text(raw.column(n).combine_chunks()).to_pylist() for n in raw.column_names]
        rows = chunk.row_numbers()
        for n, place in enumerate(places):
            cells = [column[n] or "" for column in columns]
            self._write(raw.column_names, int(rows[place]), cells, reasons[place])

    def add_malformed(self, rows: Mapping[int, str]) -> None:
        """Rows that hold no record, as they stand in the file."""
        if self.path is None:
            return
        shape = Finding("row.shape", "", np.zeros(0, np.int64))
        for row, text in rows.items():
            self._write(self._header or ["text"], row, [text], [shape])

    def _write(
        self, names: Sequence[str], row: int, cells: Sequence[str], findings: Sequence[Finding]
    ) -> None:
        assert self.path is not None, "rows go nowhere without a file"  # noqa: S101
        try:
            if self._stream is None:
                self._stream = self.path.open("w", encoding="utf-8-sig", newline="")
                self._header = list(names)
                csv.writer(self._stream).writerow([*_OWN, *names])
            faults = [FAULTS[found.code] for found in findings]
            own = [
                str(row),
                "; ".join(found.column for found in findings),
                "; ".join(fault.code for fault in faults),
                "; ".join(fault.what.say(self._lang) for fault in faults),
                "; ".join(fault.fix.say(self._lang) for fault in faults),
            ]
            csv.writer(self._stream).writerow([*own, *map(harmless, cells)])
        except OSError as error:
            raise CarbonError("file.output", path=self.path, reason=error.strerror) from error

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._stream.close()
