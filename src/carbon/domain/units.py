"""Units: the one place where kilograms (float) become grams (integer).

Quantification works in kilograms as float64. Every figure that leaves it is an integer number of
grams, rounded first to :data:`DECIMALS` decimals of a gram and then floored or ceiled, so that a
result depends on neither row order, chunk size nor machine.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Code = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

GRAMS_PER_KG = 1_000.0
KG_PER_TONNE = 1_000.0

#: Decimals of a gram kept before flooring: float64 noise of a record (≤ 10,000 t) lies far below.
DECIMALS = 6

#: Largest amount one record may carry, in grams (10,000 t). Keeps every batch sum exact in float64.
MAX_RECORD_G = 10_000_000_000


def _grams(kg: Float) -> Float:
    return np.round(kg * GRAMS_PER_KG, DECIMALS)


def floor_g(kg: Float) -> Int:
    """Kilograms to grams, rounded down. Shape ``(n,)`` float64 kg → ``(n,)`` int64 g."""
    return np.floor(_grams(kg)).astype(np.int64)


def ceil_g(kg: Float) -> Int:
    """Kilograms to grams, rounded up. Shape ``(n,)`` float64 kg → ``(n,)`` int64 g."""
    return np.ceil(_grams(kg)).astype(np.int64)


def exact_sums(group: npt.NDArray[np.integer], amount: Int | Float, size: int) -> Int:
    """Sum whole numbers by group without losing a unit.

    ``group``: shape ``(n,)``, values in ``[0, size)``; ``amount``: shape ``(n,)``, int64 or
    float64 holding whole numbers. Returns shape ``(size,)`` int64. ``np.bincount`` sums in
    float64, which is exact below 2**53 and several times faster than an integer scatter; above
    that bound the scatter is used.
    """
    if amount.size == 0:
        return np.zeros(size, np.int64)
    largest = max(abs(float(amount.max())), abs(float(amount.min())))
    if largest * amount.size < 2**53:
        return np.bincount(group, weights=amount, minlength=size).astype(np.int64)
    totals = np.zeros(size, np.int64)
    np.add.at(totals, group, amount.astype(np.int64))
    return totals
