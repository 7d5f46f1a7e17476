"""One life account per item: an item's life is credited once, over all its acts (clause 6.4).

The first act (by day, then record id) opens the account with the life the item has left; every
act is granted the smaller of its own L and what is left. Only items with more than one act in a
file need one: an item's first act can never exceed its own account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Claim:
    """An accepted act of an item: when, which record, the L it claims, and the budget it opens."""

    item: str
    day: int
    record_id: str
    row: int
    life: float
    budget: float


def settle(claims: Iterable[Claim], opened: Mapping[str, float] | None = None) -> dict[int, float]:
    """Life granted to each claim, by its row. The order of the claims does not matter.

    ``opened``: what is left of accounts that earlier submissions opened, by item.

    >>> a = Claim("bag-1", 20_000, "r1", 2, life=0.5, budget=0.5)
    >>> b = Claim("bag-1", 20_090, "r2", 3, life=0.4, budget=0.4)
    >>> settle([b, a])
    {2: 0.5, 3: 0.0}
    """
    granted: dict[int, float] = {}
    ordered = sorted(claims, key=lambda c: (c.item, c.day, c.record_id))
    for item, acts in groupby(ordered, key=lambda c: c.item):
        left = None if opened is None else opened.get(item)
        for act in acts:
            left = act.budget if left is None else left
            granted[act.row] = min(act.life, left)
            left -= granted[act.row]
    return granted
