"""CSV submissions: UTF-8 with or without BOM, UTF-16, GB18030."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from carbon.adapters.tabular.tables import FIRST_ROW, MAX_ROWS, Held, Piece
from carbon.adapters.tabular.typed import per_word
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int, Mask

BLOCK_BYTES = 8 << 20
HEADER_BYTES = 64_000
MAX_MALFORMED, MAX_BLANK = 10_000, 1_000_000
_DELIMITERS = ",;\t|"
_CANDIDATES = ("utf-8", "gb18030")


def scan(path: Path) -> tuple[str, int]:
    """The encoding of a text file, by byte order mark or by decoding all of it; and its quotes.

    Raises ``file.encoding`` if none fits, ``file.format`` if it holds NUL (not text),
    ``file.quotes`` if one quotation mark stands alone: what follows it would be lost.
    """
    with path.open("rb") as stream:
        head = stream.read(4)
    if head.startswith(codecs.BOM_UTF8):
        return _checked(path, ("utf-8-sig",))
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _checked(path, ("utf-16",))
    return _checked(path, _CANDIDATES)


def _checked(path: Path, candidates: Sequence[str]) -> tuple[str, int]:
    for encoding in candidates:
        try:
            quotes = _quotes(path, encoding)
        except UnicodeDecodeError:
            continue
        if quotes % 2:
            raise CarbonError("file.quotes", path=path)
        return encoding, quotes
    raise CarbonError("file.encoding", path=path)


def _quotes(path: Path, encoding: str) -> int:
    decoder, quotes = codecs.getincrementaldecoder(encoding)(), 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            text = decoder.decode(block)
            if "\0" in text:
                raise CarbonError("file.format", path=path, reason="NUL")
            quotes += text.count('"')
        decoder.decode(b"", final=True)
    return quotes


class CsvFile:
    """A CSV file; implements ``TableFile``. Raises ``file.*``."""

    def __init__(self, path: Path, block_bytes: int = BLOCK_BYTES) -> None:
        self.path = path
        self._block = block_bytes
        self.malformed: dict[int, str] = {}
        self._encoding, self._quotes = scan(path)
        with path.open(encoding=self._encoding, newline="") as stream:
            head = stream.read(HEADER_BYTES)
        blank = head[: len(head) - len(head.lstrip("\r\n"))]
        self._leading = max(blank.count("\n"), blank.count("\r"))
        head = head.lstrip("\r\n")
        self._delimiter = self._sniff(head)
        try:
            self._header = next(csv.reader(io.StringIO(head), delimiter=self._delimiter), [])
        except csv.Error as error:
            raise CarbonError("file.format", path=path, reason=error) from error
        if not any(cell.strip() for cell in self._header):
            raise CarbonError("file.empty", path=path)

    @staticmethod
    def _sniff(head: str) -> str:
        first = head.splitlines()[0] if head else ""
        return max(_DELIMITERS, key=first.count)

    def header(self) -> list[str]:
        """Column names of the first line."""
        return self._header

    def total_rows(self) -> None:
        """Unknown before reading."""
        return

    def pieces(
        self, columns: Sequence[str], coded: Sequence[str], *, whole: bool = False
    ) -> Iterator[Piece]:
        """Blocks of rows; rows of a wrong shape are noted in ``malformed`` and left out."""
        self.malformed.clear()
        try:
            yield from self._blocks(columns, coded, self._header if whole else columns)
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0][:200]
            raise CarbonError("file.format", path=self.path, reason=reason) from error

    def _blocks(
        self, columns: Sequence[str], coded: Sequence[str], looked_at: Sequence[str]
    ) -> Iterator[Piece]:
        dictionary = pa.dictionary(pa.int32(), pa.string())
        types = {c: dictionary if c in coded else pa.string() for c in looked_at}
        skipped: list[int] = []

        def malformed(row: pacsv.InvalidRow) -> str:
            if row.text.strip():
                self.malformed[int(row.number)] = row.text[:500]
            skipped.append(int(row.number))
            if len(self.malformed) > MAX_MALFORMED or len(skipped) > MAX_BLANK:
                return "error"
            return "skip"

        reader = pacsv.open_csv(
            self.path,
            read_options=pacsv.ReadOptions(
                block_size=self._block,
                encoding=self._encoding,
                use_threads=False,
                skip_rows=self._leading,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=malformed,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=types,
                include_columns=list(looked_at),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        )
        seen = 0
        for batch in reader:
            if batch.num_rows:
                rows = self._rows(FIRST_ROW + self._leading, seen, batch.num_rows, skipped)
                yield self._whole(pa.Table.from_batches([batch]), rows, columns)
            seen += batch.num_rows
            if seen > MAX_ROWS:
                raise CarbonError(
                    "file.too_large", path=self.path, what="rows", value=seen, limit=MAX_ROWS
                )

    def _whole(self, table: pa.Table, rows: Int | int, columns: Sequence[str]) -> Piece:
        """Rows without blank ones and those that swallowed others.

        A cell with a line break and a whole row in it comes from a quote closed elsewhere.
        """
        dropped = _blank(table)
        if self._quotes:
            swallowing = np.zeros(table.num_rows, bool)
            for name in table.column_names:
                swallowing |= per_word(table.column(name).combine_chunks(), self._holds_rows)
            self._note(table, rows, np.flatnonzero(swallowing))
            dropped = dropped | swallowing
        table = table.select(list(columns))
        if not dropped.any():
            return Held(table), rows
        numbers = np.arange(rows, rows + table.num_rows) if isinstance(rows, int) else rows
        return Held(table.filter(pa.array(~dropped))), numbers[~dropped]

    def _note(self, table: pa.Table, rows: Int | int, places: Int) -> None:
        for place in places.tolist():
            cells = [str(column[place].as_py() or "") for column in table.columns]
            number = rows + place if isinstance(rows, int) else int(rows[place])
            self.malformed[number] = self._delimiter.join(cells)[:500]

    def _holds_rows(self, cells: pa.Array) -> Mask:
        broken = np.asarray(pc.match_substring(cells, "\n"))
        if not broken.any():
            return broken
        delimiters = np.asarray(pc.count_substring(cells, self._delimiter))
        found: Mask = broken & (delimiters >= len(self._header) - 1)
        return found

    @staticmethod
    def _rows(first: int, seen: int, count: int, skipped: list[int]) -> Int | int:
        """File rows of a block: consecutive, unless malformed or blank rows stand before or in it.

        ``before[j]`` good rows precede the j-th skipped one, so a good row moves down by as many
        skipped rows as have at most its own number before them.
        """
        if not skipped:
            return first + seen
        broken = np.sort(np.array(skipped, np.int64))
        before = broken - first - np.arange(len(broken))
        good = np.arange(seen, seen + count)
        return first + good + np.searchsorted(before, good, side="right")


def _blank(table: pa.Table) -> Mask:
    """Rows without any cell."""
    blank = np.ones(table.num_rows, bool)
    for column in table.columns:
        if not column.null_count:
            return np.zeros(table.num_rows, bool)
        blank &= np.asarray(column.is_null())
    return blank
