"""Which rows share a value of a text column with another row, for files larger than memory.

One pass: a 64-bit hash per value, kept in row order (in a file past a limit). Hashes that occur
more than once are found part by part, by their remainder, and their rows are *suspects*: whoever
asked compares their text, so a collision of hashes rejects nobody.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from carbon.adapters.executors import Threads
from carbon.adapters.tabular import typed
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int, Mask
from carbon.ports import Executor

Hashes = npt.NDArray[np.uint64]

#: Suspect rows of a column; beyond it the column is no identifier.
MAX_REPEATS = 1_000_000

#: Hashes held in memory at once, 8 bytes each; more are spooled and looked at part by part.
IN_MEMORY = 8_000_000
BLOCK_BYTES = 1 << 23

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FINAL = np.uint64(0xD6E8FEB86659FD93)
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(8)] + [2**64 - 1], np.uint64)

#: Bits of the table that rules out most values before they are searched for.
_FILTER_BITS = 20
_FILTER = np.uint64((1 << _FILTER_BITS) - 1)

#: Reads some columns of a piece of a file as strings, with the file row of each record.
Piece = Callable[[], tuple[Mapping[str, pa.Array], Int]]


def hashes(column: pa.Array) -> Hashes:
    """64-bit hashes of a string array, shape ``(n,)``; null hashes as the empty string.

    Eight bytes at a time for all rows at once: multiply, fold, add the length. Not cryptographic:
    equal hashes are only candidates.
    """
    if column.null_count:
        column = column.fill_null("")
    offsets, held = typed.string_buffers(column)
    start, length = offsets[:-1].astype(np.int64), np.diff(offsets)
    low, high = int(offsets[0]), int(offsets[-1])
    data = np.zeros(high - low + 8, np.uint8)
    if high > low:
        data[:-8] = held[low:high]
    words = np.ndarray(shape=(len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    start -= low
    found = length.astype(np.uint64) * _FINAL
    for position in range(0, int(length.max(initial=0)), 8):
        left = np.clip(length - position, 0, 8)
        word = words[np.minimum(start + position, len(words) - 1)] & _MASKS[left]
        mixed = (found ^ word) * _MULTIPLIER
        found = np.where(left > 0, mixed ^ (mixed >> np.uint64(29)), found)
    found *= _FINAL
    return found ^ (found >> np.uint64(32))


class _Column:
    """The hashes of a column in row order, spooled past a limit."""

    def __init__(self, stack: ExitStack) -> None:
        limit = IN_MEMORY * 8
        self._spool: IO[bytes] = stack.enter_context(
            tempfile.SpooledTemporaryFile(limit)  # noqa: SIM115  closed by the stack
        )
        self._count = 0

    def add(self, values: Hashes) -> None:
        self._spool.write(values.tobytes())
        self._count += len(values)

    def _blocks(self) -> Iterator[Hashes]:
        self._spool.seek(0)
        while block := self._spool.read(BLOCK_BYTES):
            yield np.frombuffer(block, np.uint64)

    def suspects(self) -> Int:
        """Positions, ascending, whose hash occurs more than once."""
        parts = -(-self._count // IN_MEMORY)
        repeated = [self._repeated(part, parts) for part in range(parts)]
        candidates = np.sort(np.concatenate([np.zeros(0, np.uint64), *repeated]))
        if not candidates.size:
            return np.zeros(0, np.int64)
        found, start = [], 0
        for block in self._blocks():
            found.append(np.flatnonzero(_member(block, candidates)) + start)
            start += len(block)
        return np.concatenate(found)

    def _repeated(self, part: int, parts: int) -> Hashes:
        own = [
            block[block % np.uint64(parts) == part] if parts > 1 else block
            for block in self._blocks()
        ]
        values = np.sort(np.concatenate(own))
        return np.unique(values[1:][values[1:] == values[:-1]])


def suspect_rows(
    pieces: Iterable[Piece],
    columns: Sequence[str],
    path: object,
    executor: Executor = Threads(),  # noqa: B008  holds nothing but a number
) -> Int:
    """File rows, ascending, that may share the value of one of the columns with another row.

    Blank values do not count. Raises ``identity.too_many`` past :data:`MAX_REPEATS`.
    """
    with ExitStack() as stack:
        held = {name: _Column(stack) for name in columns}
        rows = _Rows()
        for found, numbers in executor.map(_hash_piece, pieces):
            rows.add(numbers)
            for name, values in found.items():
                held[name].add(values)
        suspects = {name: column.suspects() for name, column in held.items()}
    for name, positions in suspects.items():
        if len(positions) > MAX_REPEATS:
            raise CarbonError("identity.too_many", path=path, column=name, limit=MAX_REPEATS)
    return rows.at(np.unique(np.concatenate(list(suspects.values()))))


def _hash_piece(piece: Piece) -> tuple[dict[str, Hashes], Int]:
    columns, rows = piece()
    return {name: _distinct_blanks(cells, rows) for name, cells in columns.items()}, rows


def _distinct_blanks(cells: pa.Array, rows: Int) -> Hashes:
    """Hashes of a column; a blank cell gets one of its own, from its row."""
    found = hashes(cells)
    if cells.null_count:
        blank = ~typed.valid(cells)
        found[blank] = rows[blank].astype(np.uint64) * _FINAL ^ _MULTIPLIER
    return found


class _Rows:
    """File rows by position; a piece of consecutive rows is kept as its first."""

    def __init__(self) -> None:
        self._starts = [0]
        self._pieces: list[int | Int] = []

    def add(self, rows: Int) -> None:
        consecutive = len(rows) and int(rows[-1]) - int(rows[0]) + 1 == len(rows)
        self._pieces.append(int(rows[0]) if consecutive else rows)
        self._starts.append(self._starts[-1] + len(rows))

    def at(self, positions: Int) -> Int:
        piece = np.searchsorted(self._starts, positions, side="right") - 1
        found = [np.zeros(0, np.int64)]
        for number in np.unique(piece).tolist():
            inside = positions[piece == number] - self._starts[number]
            kept = self._pieces[number]
            found.append(inside + kept if isinstance(kept, int) else kept[inside])
        return np.sort(np.concatenate(found))


def _member(values: Hashes, ascending: Hashes) -> Mask:
    """Where values are among sorted candidates; most are ruled out by their lowest bits."""
    seen = np.zeros(1 << _FILTER_BITS, bool)
    seen[ascending & _FILTER] = True
    found: Mask = seen[values & _FILTER]
    likely = np.flatnonzero(found)
    place = np.searchsorted(ascending, values[likely])
    place[place == len(ascending)] = 0
    found[likely] = ascending[place] == values[likely]
    return found
