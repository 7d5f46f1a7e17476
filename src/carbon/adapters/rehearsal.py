"""A submission looked at without storing it; implements the port ``Inspector``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from carbon.adapters.annotated import AnnotatedFile
from carbon.adapters.records import RecordWriter
from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.domain.activity.record import Finding
from carbon.domain.quantification.engine import Quantities
from carbon.domain.units import Float, Int
from carbon.ports import Claims

#: Rows shown for one reason, and characters of one cell.
SHOWN_ROWS: Final = 10
_SHOWN_CHARACTERS: Final = 100


class Samples:
    """The first rows of each reason, with the cell it is about."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._headers: dict[str, str] = {}

    def add(self, chunk: TableChunk, findings: Sequence[Finding]) -> None:
        """Look at what is wrong with a chunk."""
        for found in findings:
            shown = self._found.setdefault((found.code, found.column), [])
            places = found.rows[: SHOWN_ROWS - len(shown)]
            if not len(places):
                continue
            self._headers[found.column] = _header(chunk, found.column)
            cells = typed.text(chunk.column(found.column).take(pa.array(places, pa.int64())))
            rows = chunk.row_numbers()[places].tolist()
            shown += [
                {"row": row, "value": (cell or "")[:_SHOWN_CHARACTERS]}
                for row, cell in zip(rows, cells.to_pylist(), strict=True)
            ]

    def add_malformed(self, rows: Mapping[int, str]) -> None:
        """Rows that hold no record."""
        first = list(rows.items())[:SHOWN_ROWS]
        self._found["row.shape", ""] = [
            {"row": row, "value": text[:_SHOWN_CHARACTERS]} for row, text in first
        ]

    def of(self, code: str, column: str) -> list[dict[str, Any]]:
        """Rows of a reason in file order, as far as they were looked at."""
        return sorted(self._found.get((code, column), ()), key=lambda shown: shown["row"])

    def header(self, column: str) -> str:
        """What the file calls a column."""
        return self._headers.get(column, "")


def _header(chunk: TableChunk, column: str) -> str:
    rule = chunk.rules.get(column)
    return "" if rule is None or rule.source is None else rule.source


class Rehearsal:
    """Compares records with the store as an intake does; keeps what is wrong, stores nothing."""

    def __init__(
        self, writer: RecordWriter, suspects: Int, annotated: AnnotatedFile, samples: Samples
    ) -> None:
        self.suspects = suspects
        self._writer, self._annotated, self._samples = writer, annotated, samples

    def claims(self, chunk: Any, quantities: Quantities) -> Claims:
        """Identity of every record that was not rejected."""
        return self._writer.claims(chunk, quantities)

    def stage(
        self,
        chunk: Any,  # noqa: ARG002
        quantities: Quantities,  # noqa: ARG002
        claims: Claims,
        allowance: Float | None = None,  # noqa: ARG002
    ) -> Int:
        """Only which records would be stored: sealing them would be most of the work."""
        return np.asarray(claims.positions)

    def reject(self, chunk: Any, findings: Sequence[Finding]) -> None:
        """Append rejected rows to the annotated file and the samples."""
        self._annotated.add(chunk, findings)
        self._samples.add(chunk, findings)

    def reject_malformed(self, rows: Mapping[int, str]) -> None:
        """Append rows that hold no record."""
        self._annotated.add_malformed(rows)
        if rows:
            self._samples.add_malformed(rows)

    def abandon(self) -> None:
        """Finish the annotated file."""
        self._annotated.close()
