"""Open a submission by its content, whatever its name says."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from carbon.adapters.tabular import typed
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.csv_file import BLOCK_BYTES, CsvFile
from carbon.adapters.tabular.identity import suspect_rows
from carbon.adapters.tabular.mapping import OWN_COLUMN, Rule
from carbon.adapters.tabular.mapping import Mapping as ColumnMapping
from carbon.adapters.tabular.parquet_file import ParquetFile
from carbon.adapters.tabular.survey import IDENTIFYING, Survey, survey
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
        self._returned = any(name.strip().startswith(OWN_COLUMN) for name in header)
        for name, rule in self._rules.items():
            _check_words(name, rule, vocabularies)
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
    def name(self) -> str:
        """Name of the submitted file."""
        return self._file.path.name

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
        for load, rows in self._file.pieces(self._columns, self._coded, whole=True):
            some = True
            yield TableChunk(load, self._rules, self._vocabularies, rows, self._returned)
        if not some and self._file.malformed:
            raise CarbonError("file.format", path=self._file.path, reason="no row fits its header")
        if not some:
            raise CarbonError("file.empty", path=self._file.path)

    def suspects(self, columns: Sequence[str]) -> Int:
        """File rows that may share the value of one of the columns with another row."""
        names = {c: r.source for c in columns if (r := self._rules.get(c)) and r.source}
        if not names:
            return np.zeros(0, np.int64)
        pieces = (
            partial(_text_columns, load, rows, names)
            for load, rows in self._file.pieces(list(names.values()), [])
        )
        return suspect_rows(pieces, list(names), self._file.path)

    def survey(self) -> Survey:
        """Rows that may have to do with one another, and all parties. Raises ``file.too_large``."""
        rules = {c: r for c in IDENTIFYING if (r := self._rules.get(c))}
        names = list(dict.fromkeys(r.source for r in rules.values() if r.source))
        coded = [name for name in names if name in self._coded]
        chunks = (
            TableChunk(load, rules, self._vocabularies, rows, self._returned)
            for load, rows in self._file.pieces(names, coded)
        )
        return survey(chunks, self._file.path)

    def malformed(self) -> Mapping[int, str]:
        """Rows whose shape is broken, with their text."""
        return self._file.malformed


def _check_words(name: str, rule: Rule, vocabularies: Mapping[str, Vocabulary]) -> None:
    """A mapping's own constants and codes must be words of the column's code table."""
    if name in vocabularies:
        words = [*rule.codes.values(), *([rule.constant] if rule.constant else [])]
        wrong = [word for word in words if vocabularies[name].number(word) < 0]
        if wrong:
            raise CarbonError("mapping.invalid", name=name, reason=f"{wrong[0]!r} is no code")


def _text_columns(
    load: Callable[[], pa.Table], rows: Int | int, names: Mapping[str, str]
) -> tuple[dict[str, pa.Array], Int]:
    """Columns of a piece as strings, by canonical name, folded."""
    table = load()
    numbers = np.arange(rows, rows + table.num_rows) if isinstance(rows, int) else rows
    return {
        name: typed.identifiers(typed.text(table.column(source).combine_chunks()))
        for name, source in names.items()
    }, numbers


def open_source(
    path: Path,
    mapping: ColumnMapping,
    vocabularies: Mapping[str, Vocabulary],
    block_bytes: int = BLOCK_BYTES,
) -> TableSource:
    """A file under a mapping; see :func:`open_table`. Raises ``file.*`` and ``columns.*``."""
    return TableSource(open_table(path, block_bytes), mapping, vocabularies)


def is_packed(path: Path) -> bool:
    """Whether a file is an archive or Parquet: more may be in it than its size says."""
    if not path.is_file():
        raise CarbonError("file.missing", path=path)
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1" or zipfile.is_zipfile(path)


def open_table(path: Path, block_bytes: int = BLOCK_BYTES) -> TableFile:
    """Open a CSV, XLSX or Parquet file, told apart by its first bytes.

    ``block_bytes``: how much of a CSV file is read at once. Raises ``file.*``.
    """
    if not path.is_file():
        raise CarbonError("file.missing", path=path)
    with path.open("rb") as stream:
        head = stream.read(8)
    if not head:
        raise CarbonError("file.empty", path=path)
    if head.startswith(b"PAR1"):
        return ParquetFile(path)
    if zipfile.is_zipfile(path):
        return XlsxFile(path)
    if head.startswith((b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF", b"PK", b"7z\xbc\xaf")):
        raise CarbonError("file.format", path=path, reason="binary")
    return CsvFile(path, block_bytes)
