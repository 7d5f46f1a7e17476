"""Which values of a text column stand in more than one row, for files larger than memory.

First pass: a 64-bit hash per value, spilled by its top bits; each part is sorted by itself and its
repeated hashes are candidates. Second pass, only if there are candidates: their rows are compared
as text, so a collision of hashes rejects nobody.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from carbon.adapters.executors import Threads
from carbon.adapters.tabular import typed
from carbon.domain.errors import CarbonError
from carbon.domain.units import Int, Mask

Hashes = npt.NDArray[np.uint64]

#: Rows a repeated value may have in all; beyond it the column is no identifier.
MAX_REPEATS = 1_000_000

PARTS_BITS = 6
#: Hashes held in memory before they are spilled (8 bytes each).
IN_MEMORY = 4_000_000

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_FINAL = np.uint64(0xD6E8FEB86659FD93)
_MASKS = np.array([(1 << (8 * size)) - 1 for size in range(8)] + [2**64 - 1], np.uint64)

#: Reads some columns of a piece of a file as strings, with the file row of each record.
Piece = Callable[[], tuple[Mapping[str, pa.Array], Int]]
Pieces = Callable[[], Iterable[Piece]]


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


class _Spill:
    """Hashes kept in memory up to a limit, then in one file per value of their top bits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[Hashes] = []
        self._count = 0
        self._stack = ExitStack()
        self._files: list[BinaryIO] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, values: Hashes) -> None:
        self._held.append(values)
        self._count += len(values)
        if self._count >= IN_MEMORY:
            self._flush()

    def _flush(self) -> None:
        if not self._files:
            paths = (self._folder / f"part-{n}" for n in range(1 << PARTS_BITS))
            self._files = [self._stack.enter_context(path.open("w+b")) for path in paths]
        values = np.sort(np.concatenate(self._held))
        bounds = np.arange(1, 1 << PARTS_BITS, dtype=np.uint64) << np.uint64(64 - PARTS_BITS)
        for file, part in zip(
            self._files, np.split(values, np.searchsorted(values, bounds)), strict=True
        ):
            file.write(part.tobytes())
        self._held, self._count = [], 0

    def parts(self) -> Iterator[Hashes]:
        if not self._files:
            yield np.concatenate(self._held) if self._held else np.zeros(0, np.uint64)
            return
        if self._held:
            self._flush()
        for file in self._files:
            file.seek(0)
            yield np.fromfile(file, np.uint64)


def repeated_rows(pieces: Pieces, columns: Sequence[str], path: object) -> dict[str, Int]:
    """For each column the file rows, ascending, whose value stands in more than one row.

    Blank values do not count. Raises ``identity.too_many`` past :data:`MAX_REPEATS`.
    """
    candidates = _candidates(pieces, columns)
    found: dict[str, dict[str, list[int]]] = {name: {} for name in columns}
    counts = dict.fromkeys(columns, 0)
    if any(part.size for part in candidates.values()):
        for hits in Threads().map(_Lookup(candidates), pieces()):
            for name, (values, rows) in hits.items():
                counts[name] += len(rows)
                if counts[name] > MAX_REPEATS:
                    limit = {"column": name, "limit": MAX_REPEATS}
                    raise CarbonError("identity.too_many", path=path, **limit)
                for value, row in zip(values, rows, strict=True):
                    found[name].setdefault(value, []).append(row)
    return {name: _several(rows_of) for name, rows_of in found.items()}


def _candidates(pieces: Pieces, columns: Sequence[str]) -> dict[str, Hashes]:
    """Hashes that more than one row has."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="carbon-")))
        spills = {}
        for number, name in enumerate(columns):
            (folder / str(number)).mkdir()
            spills[name] = stack.enter_context(_Spill(folder / str(number)))
        for found in Threads().map(_hash_piece, pieces()):
            for name, values in found.items():
                spills[name].add(values)
        return {
            name: np.concatenate([_repeated(part) for part in spill.parts()])
            for name, spill in spills.items()
        }


def _hash_piece(piece: Piece) -> dict[str, Hashes]:
    return {
        name: hashes(cells.drop_null() if cells.null_count else cells)
        for name, cells in piece()[0].items()
    }


@dataclass(frozen=True, slots=True)
class _Lookup:
    """The values and rows of a piece whose hash is a candidate."""

    candidates: Mapping[str, Hashes]

    def __call__(self, piece: Piece) -> dict[str, tuple[list[str], list[int]]]:
        columns, rows = piece()
        found = {}
        for name, cells in columns.items():
            if self.candidates[name].size:
                place = np.flatnonzero(_member(hashes(cells), self.candidates[name]))
                values = typed.text(cells.take(pa.array(place))).to_pylist()
                hits = [(v, int(r)) for v, r in zip(values, rows[place], strict=True) if v]
                found[name] = ([v for v, _ in hits], [r for _, r in hits])
        return found


def _several(rows_of: Mapping[str, list[int]]) -> Int:
    repeats = [row for rows in rows_of.values() if len(rows) > 1 for row in rows]
    return np.array(sorted(repeats), np.int64)


def _repeated(values: Hashes) -> Hashes:
    values = np.sort(values)
    return np.unique(values[1:][values[1:] == values[:-1]])


def _member(values: Hashes, ascending: Hashes) -> Mask:
    place = np.searchsorted(ascending, values).clip(0, len(ascending) - 1)
    found: Mask = ascending[place] == values
    return found
