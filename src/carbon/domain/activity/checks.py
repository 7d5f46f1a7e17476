"""Checks every record passes before any methodology sees it.

Each check is a small function from a batch to findings; :data:`CHECKS` runs them all, so that a
row is told everything that is wrong with it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from carbon.domain.activity.record import COLUMNS, MISSING, UNKNOWN, Batch, Finding
from carbon.domain.factors.catalog import Catalogue
from carbon.domain.period import FIRST, LAST, NO_DAY
from carbon.domain.units import Float, Int, Mask


def finding(code: str, column: str, wrong: Mask) -> Iterator[Finding]:
    """A finding for the rows of a mask; none where no row is wrong."""
    rows = np.flatnonzero(wrong)
    if rows.size:
        yield Finding(code, column, rows)


class ItemTable:
    """What checks and formulas need of the item types, as arrays indexed by item code.

    The arrays have one entry more than there are item types: code −1 (missing) and −2 (unknown)
    both read a harmless last entry, so that a gather needs no mask.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        items = catalogue.items
        self.by_weight = np.array([i.unit == "kg" for i in items] + [False, False])
        self.mass_low_kg = _numbers([i.mass_low_kg for i in items], 0.0)
        self.mass_high_kg = _numbers([i.mass_high_kg for i in items], np.inf)
        self.age_required = np.array([i.age_required for i in items] + [False, False])
        self.uses_power = np.array([i.uses_power for i in items] + [False, False])


def _numbers(values: list[object], otherwise: float) -> Float:
    return np.array([otherwise if v is None else float(v) for v in values] + [otherwise] * 2)  # type: ignore[arg-type]  # Decimal or None


def check_batch(
    batch: Batch, items: ItemTable, *, today: int, return_window: Int
) -> Iterator[Finding]:
    """All findings of a batch, its reader's included.

    ``return_window``: days after which a return is a correction, for each record; shape ``(n,)``.
    """
    yield from batch.findings
    for check in CHECKS:
        yield from check(batch)
    yield from _check_future(batch, today)
    yield from _check_amounts(batch, items)
    yield from _check_return(batch, return_window)


def _check_codes(batch: Batch) -> Iterator[Finding]:
    for column in COLUMNS:
        if column.kind != "code":
            continue
        codes = batch.codes[column.name]
        if codes.size == 0 or codes.min() >= 0:
            continue
        yield from finding("code.unknown", column.name, codes == UNKNOWN)
        if column.required:
            yield from finding("text.missing", column.name, codes == MISSING)


def _check_ranges(batch: Batch) -> Iterator[Finding]:
    for column in COLUMNS:
        if column.kind not in ("number", "whole"):
            continue
        values = batch.numbers[column.name]
        with np.errstate(invalid="ignore"):
            outside = (values < column.low) | (values > column.high)
        yield from finding("number.range", column.name, outside)
        if column.kind == "whole":
            broken = ~outside & (values != np.rint(values)) & ~np.isnan(values)
            yield from finding("number.whole", column.name, broken)


def _check_days(batch: Batch) -> Iterator[Finding]:
    for name, days in batch.days.items():
        outside = ((days < FIRST) | (days > LAST)) & (days != NO_DAY)
        yield from finding("date.range", name, outside)


#: Checks that need nothing but the batch.
CHECKS: tuple[Callable[[Batch], Iterator[Finding]], ...] = (
    _check_codes,
    _check_ranges,
    _check_days,
)


def _check_future(batch: Batch, today: int) -> Iterator[Finding]:
    for name, days in batch.days.items():
        yield from finding("date.future", name, (days > today) & (days <= LAST))


def _check_amounts(batch: Batch, items: ItemTable) -> Iterator[Finding]:
    """A per-item factor needs a quantity, a per-kg factor a mass; both given must agree."""
    item = batch.codes["item_type"]
    quantity, mass = batch.numbers["quantity"], batch.numbers["mass_kg"]
    by_weight = items.by_weight[item]
    lacks_mass = by_weight & np.isnan(mass) & (item >= 0)
    lacks_quantity = ~by_weight & np.isnan(quantity) & (item >= 0)
    unreadable = {f.column: f.rows for f in batch.findings if f.code == "number.invalid"}
    for name, lacks in (("mass_kg", lacks_mass), ("quantity", lacks_quantity)):
        lacks[unreadable.get(name, [])] = False
        yield from finding(f"{name.removesuffix('_kg')}.missing", name, lacks)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        each = np.round(mass / quantity, 9)
        off_band = (each < items.mass_low_kg[item]) | (each > items.mass_high_kg[item])
    yield from finding("mass.band", "mass_kg", off_band & ~by_weight)


def _check_return(batch: Batch, return_window: Int) -> Iterator[Finding]:
    occurred, returned = batch.days["occurred_on"], batch.days["returned_on"]
    both = (returned != NO_DAY) & (occurred != NO_DAY)
    if not both.any():
        return
    after = np.where(both, returned.astype(np.int64) - occurred, -1)
    yield from finding("date.order", "returned_on", both & (after < 0))
    in_window = both & (after >= 0) & (after <= return_window)
    yield from finding("returned.in_window", "returned_on", in_window)
    yield from finding("returned.later", "returned_on", both & (after > return_window))
