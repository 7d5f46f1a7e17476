"""Open a submission by its content, whatever its name says."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.csv_file import CsvFile
from carbon.adapters.tabular.identity import repeated_rows
from carbon.adapters.tabular.mapping import Mapping as ColumnMapping
from carbon.adapters.tabular.parquet_file import ParquetFile
from carbon.adapters.tabular.tables import TableFile
from carbon.adapters.tabular.xlsx_file import XlsxFile
from carbon.domain.activity.record import Vocabulary
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int

#: Columns a submission may have; canonical files have 24.
MAX_COLUMNS = 100


class TableSource:
    """A submission under a mapping; implements the port ``RecordSource``."""

    def __init__(
        self, file: TableFile, mapping: ColumnMapping, vocabularies: Mapping[str, Vocabulary]
    ) -> None:
        self._file = file
        self._vocabularies = vocabularies
        header = file.header()
        if len(header) > MAX_COLUMNS:
            raise CarbonError(
                "file.too_large",
                path=file.path,
                what="columns",
                value=len(header),
                limit=MAX_COLUMNS,
            )
        self._rules = mapping.place(header, file.path)
        coded = {*vocabularies} | {"site", "enterprise"}
        names = {
            n: header[[h.strip() for h in header].index(r.source)]
            for n, r in self._rules.items()
            if r.source
        }
        self._columns = list(dict.fromkeys(names.values()))
        self._coded = [names[n] for n in names if n in coded]
        self._rules = {
            n: r.model_copy(update={"source": names[n]}) if n in names else r
            for n, r in self._rules.items()
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the submitted bytes."""
        with self._file.path.open("rb") as stream:
            return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"

    @property
    def total_rows(self) -> int | None:
        """Number of rows, where the format knows it beforehand."""
        return self._file.total_rows()

    def chunks(self) -> Iterator[TableChunk]:
        """All chunks in file order."""
        some = False
        for load, rows in self._file.pieces(self._columns, self._coded):
            some = True
            yield TableChunk(load, self._rules, self._vocabularies, rows)
        if not some:
            raise CarbonError("file.empty", path=self._file.path)

    def repeats(self, column: str) -> Int:
        """File rows whose value in a text column stands in other rows too."""
        rule = self._rules.get(column)
        if rule is None or rule.source is None:
            return np.zeros(0, np.int64)
        source = rule.source

        def pieces() -> Iterator[tuple[pa.Array, Int]]:
            for load, rows in self._file.pieces([source], []):
                table = load()
                cells = typed.text(table.column(source).combine_chunks())
                first = rows if isinstance(rows, int) else 0
                numbers = np.arange(first, first + len(cells)) if isinstance(rows, int) else rows
                yield _blank_as_null(cells), numbers

        return repeated_rows(pieces, column, self._file.path)

    def malformed(self) -> Mapping[int, str]:
        """Rows whose shape is broken, with their text."""
        return self._file.malformed


def _blank_as_null(cells: pa.Array) -> pa.Array:
    """Empty strings as null; the copy is made only where there is one."""
    if pc.min(pc.binary_length(cells)).as_py() == 0:
        return pc.if_else(pc.equal(cells, ""), pa.scalar(None, cells.type), cells)
    return cells


def open_source(
    path: Path, mapping: ColumnMapping, vocabularies: Mapping[str, Vocabulary]
) -> TableSource:
    """Open a CSV, XLSX or Parquet file, told apart by its first bytes.

    Raises ``file.*`` and ``columns.*``.
    """
    if not path.is_file():
        raise CarbonError("file.missing", path=path)
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head:
        raise CarbonError("file.empty", path=path)
    if head.startswith(b"PAR1"):
        file: TableFile = ParquetFile(path)
    elif zipfile.is_zipfile(path):
        file = XlsxFile(path)
    elif head.startswith((b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF", b"PK", b"7z\xbc\xaf")):
        raise CarbonError("file.format", path=path, reason="binary")
    else:
        file = CsvFile(path)
    return TableSource(file, mapping, vocabularies)
