"""Numpy columns of a batch as Arrow columns of what is stored."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from carbon.adapters.tabular import typed
from carbon.domain.period import NO_DAY
from carbon.domain.quantification.methodology import FLAGS


class Kept:
    """Leaves the rejected rows out, column by column."""

    def __init__(self, rejected: npt.NDArray[np.bool_]) -> None:
        self._all = not rejected.any()
        self._mask = ~rejected
        self._cells = pa.array(self._mask)

    def array(self, values: np.ndarray) -> np.ndarray:
        """The kept values of a numpy column."""
        return values if self._all else values[self._mask]

    def cells(self, values: pa.Array) -> pa.Array:
        """The kept cells of an Arrow column."""
        return values if self._all else values.filter(self._cells)


def day_column(days: np.ndarray) -> pa.Array:
    """Day numbers as dates; ``NO_DAY`` is null."""
    missing = days == NO_DAY
    return pa.array(days, pa.int32(), mask=missing if missing.any() else None).cast(pa.date32())


def coded(codes: np.ndarray, words: pa.Array) -> pa.Array:
    """Codes as words of a dictionary; negative ones are null."""
    negative = codes < 0
    mask = negative if negative.any() else None
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=mask), words)


@cache
def flag_words() -> pa.Array:
    """The names of every combination of flags, by its bits."""
    names = [
        ";".join(name for bit, name in enumerate(FLAGS) if number >> bit & 1)
        for number in range(1 << len(FLAGS))
    ]
    return pa.array(names, pa.string())


def string_column(cells: pa.Array) -> pa.Array:
    """Cells as text, left as they are where they are text."""
    if typed.is_text(cells):
        return cells
    return typed.text(cells)


def number_column(values: np.ndarray, *, whole: bool) -> pa.Array:
    """Numbers, NaN as null; whole ones as integers."""
    if not whole:
        return pa.array(values, from_pandas=True)
    missing = np.isnan(values)
    outside = missing | (np.abs(values) >= 2**62)
    return pa.array(np.where(outside, 0, values).astype(np.int64), mask=missing)
