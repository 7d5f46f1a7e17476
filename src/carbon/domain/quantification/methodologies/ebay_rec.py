"""EBAY-REC: eBay's published recommerce rule (with Anthesis), for display only.

Document: ``docs/methodology/EBAY-REC.md``. Reduction = EF of a new item × lifetime adjustment ×
displacement.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from carbon.domain.activity.record import Finding
from carbon.domain.errors import Text
from carbon.domain.quantification.handover import amount
from carbon.domain.quantification.methodology import Emissions, Methodology, Situation, Term
from carbon.domain.quantification.published import AMOUNT, GRAM_STEPS, ONLY_BASELINE, product
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Float


def reduction_kg(ef: Float, lifetime: Float, displacement: Float) -> Float:
    """Clause 2: EF × lifetime adjustment × displacement, kg CO2e.

    >>> reduction_kg(1.0, 0.5, 0.5)
    0.25
    """
    return ef * lifetime * displacement


def check(_: Situation) -> Iterator[Finding]:
    """Clause 1: every item with a production factor; that is a role."""
    return iter(())


def compute(situation: Situation) -> Emissions:
    """Clause 2 for a batch."""
    value = situation.factors.value
    pieces = amount(situation)
    nothing = np.zeros(len(situation.batch))
    return Emissions(
        baseline_kg=pieces * reduction_kg(value("ef"), value("lifetime"), value("displacement")),
        project_kg=nothing,
        use_kg=nothing,
        leakage_kg=nothing,
        life=value("lifetime"),
        terms=[Term("be", pieces, (("ef", 1), ("lifetime", 1), ("displacement", 1)))],
        flags=np.zeros(len(situation.batch), np.int32),
    )


METHODOLOGY = Methodology(
    id="EBAY-REC",
    version=1,
    title=Text("eBay 二手交易规则（展示）", "eBay recommerce rule (display)"),
    effective=date(2026, 1, 1),
    until=None,
    issues=False,
    acts=("sale", "trade_in"),
    formula="er = q·EF·lifetime·displacement",
    steps=(
        *AMOUNT,
        ("be", ("mul", "q", product("ef", "lifetime", "displacement"))),
        *ONLY_BASELINE,
        *GRAM_STEPS,
    ),
    roles=(
        Role("ef", "production", "{item_type}"),
        Role("lifetime", "ebay_rec", "lifetime"),
        Role("displacement", "ebay_rec", "displacement"),
    ),
    check=check,
    compute=compute,
)
