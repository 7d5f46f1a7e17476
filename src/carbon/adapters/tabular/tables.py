"""What every format offers: a header, and pieces of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from carbon.domain.units import Int

#: Rows per chunk: large enough for columnar speed, small enough for memory.
CHUNK_ROWS = 131_072

#: The first data row of a file, as a spreadsheet numbers it.
FIRST_ROW = 2

#: Rows a submission may have.
MAX_ROWS = 200_000_000

Piece = tuple[Callable[[], pa.Table], Int | int]


@dataclass(frozen=True, slots=True)
class Held:
    """Rows already read, where a function that reads them is wanted."""

    table: pa.Table

    def __call__(self) -> pa.Table:
        """The rows."""
        return self.table


class TableFile(Protocol):
    """A file of rows under a header."""

    path: Path
    malformed: dict[int, str]

    def header(self) -> list[str]:
        """Column names as they stand."""

    def total_rows(self) -> int | None:
        """Number of rows, where the format knows it beforehand."""

    def pieces(
        self, columns: Sequence[str], coded: Sequence[str], *, whole: bool = False
    ) -> Iterator[Piece]:
        """Rows in file order with some columns; ``coded`` ones come dictionary-encoded.

        ``whole``: look at every column of the file to tell which rows are blank or broken.

        A piece is a function that reads it, and the file row of each of its records (or the first
        where they are consecutive).
        """
