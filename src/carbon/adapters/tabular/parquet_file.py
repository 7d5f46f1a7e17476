"""Parquet submissions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import get_ident

import pyarrow as pa
import pyarrow.parquet as pq

from carbon.adapters.tabular.tables import CHUNK_ROWS, FIRST_ROW, MAX_ROWS, Held, Piece
from carbon.domain.errors import CarbonError

#: Row groups up to this many rows are read as a whole, by whoever quantifies them.
LARGEST_GROUP = 2 * CHUNK_ROWS


@lru_cache(maxsize=8)
def _metadata(path: Path, _: int) -> pq.FileMetaData:
    return pq.read_metadata(path)


@lru_cache(maxsize=32)
def _opened(path: Path, changed: int, coded: tuple[str, ...], _: int) -> pq.ParquetFile:
    metadata = _metadata(path, changed)
    return pq.ParquetFile(path, metadata=metadata, read_dictionary=list(coded), pre_buffer=False)


def _open(path: Path, coded: Sequence[str]) -> pq.ParquetFile:
    """An open file of this thread: readers are not shared, nor opened for every piece."""
    return _opened(path, path.stat().st_mtime_ns, tuple(coded), get_ident())


@dataclass(frozen=True, slots=True)
class _Groups:
    """Some row groups of a file, read when called."""

    path: Path
    groups: tuple[int, ...]
    columns: tuple[str, ...]
    coded: tuple[str, ...]

    def __call__(self) -> pa.Table:
        """Read them. Raises ``file.format`` where the pages are damaged."""
        file = _open(self.path, self.coded)
        try:
            return file.read_row_groups(
                list(self.groups), columns=list(self.columns), use_threads=False
            )
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, error) from error


class ParquetFile:
    """A Parquet file; implements ``TableFile``. Raises ``file.format``, ``file.too_large``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.malformed: dict[int, str] = {}
        try:
            self._schema = pq.read_schema(path)
            self._rows = [
                _metadata(path, path.stat().st_mtime_ns).row_group(g).num_rows
                for g in range(_metadata(path, path.stat().st_mtime_ns).num_row_groups)
            ]
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        total = sum(self._rows)
        if total > MAX_ROWS:
            raise CarbonError("file.too_large", path=path, what="rows", value=total, limit=MAX_ROWS)

    def header(self) -> list[str]:
        """Column names."""
        return list(self._schema.names)

    def total_rows(self) -> int:
        """Number of rows."""
        return sum(self._rows)

    def pieces(
        self,
        columns: Sequence[str],
        coded: Sequence[str],
        *,
        whole: bool = False,  # noqa: ARG002
    ) -> Iterator[Piece]:
        """Row groups, small ones joined; very large ones are streamed."""
        text = [c for c in coded if pa.types.is_string(self._schema.field(c).type)]
        try:
            if max(self._rows, default=0) > LARGEST_GROUP:
                yield from self._stream(columns, text)
            else:
                yield from self._grouped(columns, text)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, error) from error

    def _grouped(self, columns: Sequence[str], coded: Sequence[str]) -> Iterator[Piece]:
        row, start, joined = FIRST_ROW, FIRST_ROW, 0
        groups: list[int] = []
        for group, rows in enumerate(self._rows):
            if groups and joined + rows > CHUNK_ROWS:
                yield _Groups(self.path, tuple(groups), tuple(columns), tuple(coded)), start
                groups, start, joined = [], row, 0
            groups.append(group)
            row, joined = row + rows, joined + rows
        if joined:
            yield _Groups(self.path, tuple(groups), tuple(columns), tuple(coded)), start

    def _stream(self, columns: Sequence[str], coded: Sequence[str]) -> Iterator[Piece]:
        row = FIRST_ROW
        file = _open(self.path, coded)
        for batch in file.iter_batches(CHUNK_ROWS, columns=list(columns), use_threads=True):
            yield Held(pa.Table.from_batches([batch])), row
            row += batch.num_rows


def _unreadable(path: Path, error: Exception) -> CarbonError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return CarbonError("file.format", path=path, reason=reason)
