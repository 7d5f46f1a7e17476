"""A single record as a submission of one row: the same columns, checks and codes as a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.mapping import Mapping as ColumnMapping
from carbon.adapters.tabular.survey import Survey, survey
from carbon.adapters.tabular.tables import Held
from carbon.domain.activity.record import Vocabulary
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int


class RecordSource:
    """One record; implements the port ``RecordSource``.

    Raises ``columns.*``, and ``record.json`` for what is no Unicode text (half a surrogate pair).
    """

    total_rows = 1
    name = "record"

    def __init__(self, cells: Mapping[str, str], vocabularies: Mapping[str, Vocabulary]) -> None:
        self._cells = {name.strip(): cell for name, cell in cells.items()}
        self._vocabularies = vocabularies
        try:
            "".join((*cells, *cells.values())).encode()
        except UnicodeEncodeError as error:
            raise CarbonError("record.json", reason=error.reason) from error
        self._rules = ColumnMapping().place(list(cells), "record")

    @property
    def digest(self) -> str:
        """SHA-256 of its cells."""
        text = json.dumps(self._cells, sort_keys=True, ensure_ascii=False)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    @property
    def record_id(self) -> str:
        """Its id, whatever its column is called."""
        return self._cells[self._rules["record_id"].source or ""]

    def chunks(self) -> Iterator[TableChunk]:
        """The one chunk."""
        table = pa.table({n: pa.array([v or None], pa.string()) for n, v in self._cells.items()})
        yield TableChunk(Held(table), self._rules, self._vocabularies, 0)

    def survey(self) -> Survey:
        """Its parties; it has nothing to do with another row."""
        return survey(self.chunks(), Path("record"))

    def suspects(self, _: object) -> Int:
        """No other row."""
        return np.zeros(0, np.int64)

    def malformed(self) -> Mapping[int, str]:
        """A record has its shape."""
        return {}


def open_record(cells: Mapping[str, str], vocabularies: Mapping[str, Vocabulary]) -> RecordSource:
    """A record by canonical column name, in code, Chinese or English."""
    return RecordSource(cells, vocabularies)
