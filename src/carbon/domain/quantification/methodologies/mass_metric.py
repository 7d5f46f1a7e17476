"""MASS-METRIC: mass × a dated kg CO2e/kg from a table the user supplies, for display only.

Document: ``docs/methodology/MASS-METRIC.md``. A published carbon metric of a charity or a city,
computed as published: the figure is the table's, the arithmetic ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from carbon.domain.activity.checks import finding
from carbon.domain.activity.record import Finding
from carbon.domain.errors import Text
from carbon.domain.period import FIRST_DAY
from carbon.domain.quantification.methodology import Emissions, Methodology, Situation, Term
from carbon.domain.quantification.published import GRAM_STEPS, ONLY_BASELINE
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Float


def avoided_kg(mass_kg: Float, metric: Float) -> Float:
    """Clause 2: mass × metric, kg × kg CO2e/kg → kg CO2e.

    >>> avoided_kg(12.5, 3.2)
    40.0
    """
    return mass_kg * metric


def check(situation: Situation) -> Iterator[Finding]:
    """Clause 1: every record has a mass."""
    no_mass = np.isnan(situation.batch.numbers["mass_kg"])
    by_weight = situation.items.by_weight[situation.batch.codes["item_type"]]
    yield from finding("mass.missing", "mass_kg", no_mass & ~by_weight)


def compute(situation: Situation) -> Emissions:
    """Clause 2 for a batch."""
    mass = situation.batch.numbers["mass_kg"]
    nothing = np.zeros(len(situation.batch))
    return Emissions(
        baseline_kg=avoided_kg(mass, situation.factors.value("metric")),
        project_kg=nothing,
        use_kg=nothing,
        leakage_kg=nothing,
        life=nothing,
        terms=[Term("be", mass, (("metric", 1),))],
        flags=np.zeros(len(situation.batch), np.int32),
    )


METHODOLOGY = Methodology(
    id="MASS-METRIC",
    version=1,
    title=Text("按重量的公布指标（展示）", "Published metric by mass (display)"),
    effective=FIRST_DAY,
    until=None,
    issues=False,
    acts=("sale", "donation", "share", "trade_in", "repair", "intake"),
    formula="er = mass·metric",
    steps=(("be", ("mul", "mass_kg", "metric")), *ONLY_BASELINE, *GRAM_STEPS),
    roles=(Role("metric", "mass_metric", "{item_type}"),),
    check=check,
    compute=compute,
)
