"""The same act told twice under two record ids (S7): which of several claims is the one too many.

Two claims are suspected to be one act when

- *item*: they name the same item within :data:`ITEM_DAYS` days, unless both name sellers and
  these differ (a piece may be sold on at once, but not twice by the same seller); or
- *pair*: seller, receiver and item type are the same within :data:`PAIR_DAYS` days, quantities
  agree, masses agree within :data:`MASS_SHARE`, and they do not name two different items.

Seller is the giver, or the enterprise where no giver is named. A site names no seller: two claims
that name none agree in it for the pair, and do not differ in it for the item. An act that names
neither item nor receiver is compared with nothing.

The earlier claim stands; a later one is held with its reason. The rules are ours; recall and
false positives on generated events are held to S7's bar by ``tests/integration/test_duplicates``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

ITEM_DAYS = 7
PAIR_DAYS = 3
MASS_SHARE = 0.03
#: Standing claims that one is compared with, the latest first: a bulk buyer's day stays affordable.
MOST = 1_000

Rule = Literal["item", "pair"]


@dataclass(frozen=True, slots=True)
class Act:
    """What is compared of a claim. Keys are pseudonyms or folded text, empty where not stated.

    ``giver``: the seller. ``order``: what makes one claim earlier than another of the same day;
    ``row``: its place in the submission, ``None`` for one that is already in the store and
    therefore always stands.
    """

    item: str
    pair: str
    giver: str
    day: int
    quantity: float | None
    mass_kg: float | None
    order: str
    row: int | None = None


def suspects(acts: Iterable[Act]) -> dict[int, Rule]:
    """Rows of claims that repeat an earlier one, with the rule that says so.

    The order of the acts does not matter; a claim that is held holds no other.
    """
    everything = sorted(acts, key=_rank)
    found: dict[int, Rule] = {}
    for rule, key, same in _RULES:
        standing: dict[str, list[Act]] = {}
        for act in (a for a in everything if key(a)):
            earlier = standing.setdefault(key(act), [])
            if act.row is not None and any(same(act, o) for o in islice(reversed(earlier), MOST)):
                found.setdefault(act.row, rule)
            else:
                earlier.append(act)
    return found


def _rank(act: Act) -> tuple[bool, int, str, int]:
    """Stored claims first, then by day and id."""
    return (act.row is not None, act.day, act.order, act.row or 0)


def same_item_act(a: Act, b: Act) -> bool:
    """Whether two claims of one item may be one act."""
    two_givers = bool(a.giver and b.giver and a.giver != b.giver)
    return abs(a.day - b.day) <= ITEM_DAYS and not two_givers


def same_pair_act(a: Act, b: Act) -> bool:
    """Whether two claims between the same two parties may be one act."""
    two_items = bool(a.item and b.item and a.item != b.item)
    return (
        abs(a.day - b.day) <= PAIR_DAYS
        and a.quantity == b.quantity
        and _close(a.mass_kg, b.mass_kg)
        and not two_items
    )


def _close(a: float | None, b: float | None) -> bool:
    return a is None or b is None or abs(a - b) <= MASS_SHARE * max(a, b)


_RULES: tuple[tuple[Rule, Callable[[Act], str], Callable[[Act, Act], bool]], ...] = (
    ("item", lambda act: act.item, same_item_act),
    ("pair", lambda act: act.pair, same_pair_act),
)
