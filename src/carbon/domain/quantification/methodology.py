"""What a methodology is: code with a period of validity, beside a document.

A methodology names the factors it uses, checks whether it applies to a record, and computes
baseline, project, use-phase and leakage emissions in kilograms. Everything else, from finding
factors to rounding, is the engine's.

To add one: a module in :mod:`carbon.domain.quantification.methodologies` that binds
``METHODOLOGY``, its factor table, and a document in ``docs/methodology``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import numpy as np

from carbon.domain.activity.checks import ItemTable
from carbon.domain.activity.record import Batch, Finding
from carbon.domain.errors import Text
from carbon.domain.factors.table import COLUMNS
from carbon.domain.quantification.expression import FIELDS, Step, validate
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Code, Float, Mask

#: Flags of a quantified record, by bit.
FLAGS: tuple[str, ...] = (
    "age_unknown",
    "reuse_share_default",
    "energy_unsourced",
    "abroad",
    "not_hedong",
    "display_factor",
    "factor_carried",
    "as_of",
    "life_account",
)
FLAG: Mapping[str, int] = {name: 1 << bit for bit, name in enumerate(FLAGS)}


class Resolved(Protocol):
    """The factors of a batch, by role name."""

    def value(self, role: str) -> Float:
        """Values, shape ``(n,)``; NaN where there is no row."""

    def includes_life(self, role: str) -> Mask:
        """Where a role's row already contains remaining life, so that L is not multiplied."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a record's conditions are judged by: the batch, its item types, and the run's mode."""

    batch: Batch
    items: ItemTable
    factors: Resolved
    demonstration: bool
    allowance: Float
    """Life that the item's account still grants each record; infinite without an account."""
    transport: Code
    """Code on the axis ``transport``; −1 where the mode is missing or unknown."""
    pieces: Float
    """Pieces handed over; goods by weight are one consignment."""
    each_kg: Float
    """Mass of one piece, the heaviest plausible where it is not stated."""


@dataclass(frozen=True, slots=True)
class Term:
    """One product that enters the total linearly, for the uncertainty of sums.

    The record's share is ``coefficient · Π factor ** power`` kg; ``coefficient`` has shape
    ``(n,)`` and a sign. Factors are named by role. With ``spent`` (pieces · years of age) the share
    is ``max(0, coefficient − spent / life) · Π …``: what is left of a life never falls below zero,
    whatever life is drawn.
    """

    name: str
    coefficient: Float
    powers: tuple[tuple[str, int], ...]
    spent: Float | None = None


@dataclass(slots=True)
class Emissions:
    """What a methodology computes for a batch; every array has shape ``(n,)``, kg CO2e.

    ``life``: life credited, as a share of the item's whole life (what its account is charged).
    ``unused``: by role, where a record's factor row did not enter its figures; such rows count
    neither for its grade nor in its trace.
    """

    baseline_kg: Float
    project_kg: Float
    use_kg: Float
    leakage_kg: Float
    life: Float
    terms: list[Term]
    flags: Code
    unused: Mapping[str, Mask] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Methodology:
    """A methodology in one version.

    ``formula``: its equation, as traces print it. ``steps``: the same as published, for anyone
    to recompute a row's grams to the last digit (:mod:`~carbon.domain.quantification.expression`).
    ``issues``: its grams may become credits; otherwise it is for display. ``acts``: the acts it
    covers. ``check`` yields findings, ``compute`` returns emissions (rows with findings may hold
    NaN). ``life_budget``: for each record, the life its item's account holds if this is the
    item's first act (clause 6.4); ``None`` for a methodology without accounts.

    Raises ``formula.invalid`` for steps that could not be evaluated.
    """

    id: str
    version: int
    title: Text
    effective: date
    until: date | None
    issues: bool
    acts: tuple[str, ...]
    formula: str
    steps: tuple[Step, ...]
    roles: tuple[Role, ...]
    check: Callable[[Situation], Iterator[Finding]]
    compute: Callable[[Situation], Emissions]
    life_budget: Callable[[Situation], Float] | None = None

    def __post_init__(self) -> None:
        roles = [role.name for role in self.roles]
        items = [f"item.{column}" for column in COLUMNS["items"]]
        validate(self.steps, {*FIELDS, *items, *roles, *(f"{role}.includes" for role in roles)})

    @property
    def name(self) -> str:
        """``HD-REUSE v1``."""
        return f"{self.id} v{self.version}"


def flag(mask: Mask, name: str) -> Code:
    """A mask as flag bits."""
    return mask.astype(np.int32) * np.int32(FLAG[name])
