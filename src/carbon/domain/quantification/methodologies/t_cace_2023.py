"""T-CACE-2023: the published Chinese group standard for idle goods, for display only.

Document: ``docs/methodology/T-CACE-2023.md``. Reduction = production-stage emissions × new-product
replacement rate, the rate containing remaining life. No logistics, no refurbishing, no behaviour:
an upper bound shown beside ours, never issued.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from carbon.domain.activity.record import Finding
from carbon.domain.errors import Text
from carbon.domain.quantification.handover import amount
from carbon.domain.quantification.methodology import Emissions, Methodology, Situation, Term
from carbon.domain.quantification.published import AMOUNT, GRAM_STEPS, ONLY_BASELINE
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Float


def reduction_kg(production_kg: Float, replacement_rate: Float) -> Float:
    """Clause 2: production-stage emissions × replacement rate, kg CO2e.

    >>> round(reduction_kg(73.0 * 0.79, 0.90), 9)
    51.903
    """
    return production_kg * replacement_rate


def check(_: Situation) -> Iterator[Finding]:
    """Clause 1: everything with a published production figure and rate; those are roles."""
    return iter(())


def compute(situation: Situation) -> Emissions:
    """Clause 2 for a batch. The rate includes remaining life, so L is not multiplied again."""
    production, rate = situation.factors.value("production"), situation.factors.value("rate")
    pieces = amount(situation)
    nothing = np.zeros(len(situation.batch))
    return Emissions(
        baseline_kg=pieces * reduction_kg(production, rate),
        project_kg=nothing,
        use_kg=nothing,
        leakage_kg=nothing,
        life=rate,
        terms=[Term("be", pieces, (("production", 1), ("rate", 1)))],
        flags=np.zeros(len(situation.batch), np.int32),
    )


METHODOLOGY = Methodology(
    id="T-CACE-2023",
    version=1,
    title=Text("T/CACE 闲置物品交易（展示）", "T/CACE idle goods (display)"),
    effective=date(2026, 1, 1),
    until=None,
    issues=False,
    acts=("sale", "donation", "share", "trade_in"),
    formula="er = q·production·replacement rate",
    steps=(
        *AMOUNT,
        ("be", ("mul", "q", ("mul", "production", "rate"))),
        *ONLY_BASELINE,
        *GRAM_STEPS,
    ),
    roles=(
        Role("production", "t_cace", "production/{item_type}"),
        Role("rate", "t_cace", "replacement/{condition}", "condition"),
    ),
    check=check,
    compute=compute,
)
