"""HD-REPAIR v1 (河东维修方法学): a repair adds years to an item's life.

Document: ``docs/methodology/HD-REPAIR.md``; clauses that it shares with HD-REUSE keep their
number. L is the years a repair adds over the item's whole life; a failed repair avoids nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from carbon.domain.activity.checks import finding
from carbon.domain.activity.record import Finding
from carbon.domain.errors import Text
from carbon.domain.quantification import formulas
from carbon.domain.quantification.expression import Step
from carbon.domain.quantification.handover import (
    HANDOVER_ROLES,
    amount,
    check_handover,
    common_flags,
    life_kept,
    project_kg,
    unused_roles,
    use_phase,
)
from carbon.domain.quantification.methodology import (
    Emissions,
    Methodology,
    Situation,
    Term,
    flag,
)
from carbon.domain.quantification.published import (
    AMOUNT,
    GRAM_STEPS,
    LEAKAGE,
    LIFE_KEPT,
    ONE,
    PROJECT,
    USE,
    credited,
    product,
)
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Float

ROLES = (
    *HANDOVER_ROLES,
    Role("years_added", "policy", "repair_years_added/{displacement_class}"),
    Role("leakage_rate", "policy", "leakage_rate/repair"),
)


def check(situation: Situation) -> Iterator[Finding]:
    """Applicability (clause 3): in Hedong, with its statements; a failed repair is another act."""
    yield from check_handover(situation)
    powered = situation.items.uses_power[situation.batch.codes["item_type"]]
    with np.errstate(invalid="ignore"):
        beyond = situation.batch.numbers["age_years"] > situation.factors.value("life")
    yield from finding("life.exhausted", "age_years", powered & beyond)


def added_life(years: Float, life: Float, age: Float, unknown: Float) -> Float:
    """L = years added / life (clause 6.1), at most 1; without an age, at most its 10th percentile.

    >>> added_life(np.array([1.0]), np.array([5.0]), np.array([np.nan]), np.array([0.1])).tolist()
    [0.1]
    """
    ratio = np.minimum(1.0, years / life)
    return np.where(np.isnan(age), np.minimum(ratio, unknown), ratio)


def life_budget(situation: Situation) -> Float:
    """All repairs of one item together add at most one whole life (clause 6.4)."""
    return np.ones(len(situation.batch))


def compute(situation: Situation) -> Emissions:
    """Clauses 5 to 9 for a batch; see :class:`Emissions` for shapes and units."""
    factors, age = situation.factors, situation.batch.numbers["age_years"]
    years, life = factors.value("years_added"), factors.value("life")
    kept = life_kept(situation)
    added = added_life(years, life, age, factors.value("unknown_age_life"))
    credited = np.minimum(added * kept, situation.allowance)
    pieces = amount(situation)
    rate = factors.value("leakage_rate")
    baseline = formulas.baseline_kg(
        pieces, np.ones(len(pieces)), factors.value("ef"), factors.value("displacement"), credited
    )
    project, project_terms = project_kg(situation)
    use, use_terms, unsourced = use_phase(situation, years)

    by_life = ~np.isnan(age) & (years <= life) & (added * kept <= situation.allowance)
    production = (("ef", 1), ("displacement", 1))
    net = pieces * (1.0 - rate)
    terms = [
        Term("be_fixed", np.where(by_life, 0.0, net * credited), production),
        Term(
            "be_added",
            np.where(by_life, net * years * kept, 0.0),
            (*production, ("life", -1)),
        ),
        *project_terms,
        *use_terms,
    ]
    flags = common_flags(situation) | flag(unsourced, "energy_unsourced")
    flags |= flag(situation.allowance < added * kept, "life_account")
    unused = unused_roles(situation, unsourced)
    return Emissions(baseline, project, use, rate * baseline, credited, terms, flags, unused)


#: The formula as published: :func:`compute`, operation by operation.
STEPS: tuple[Step, ...] = (
    *AMOUNT,
    LIFE_KEPT,
    ("ratio", ("min", ONE, ("div", "years_added", "life"))),
    ("added", ("if", ("given", "age_years"), "ratio", ("min", "ratio", "unknown_age_life"))),
    ("own", ("mul", "added", "kept")),
    ("credited", credited("own")),
    ("be", product("q", "ef", "displacement", "credited")),
    *PROJECT,
    ("years", "years_added"),
    USE,
    LEAKAGE,
    *GRAM_STEPS,
)

METHODOLOGY = Methodology(
    id="HD-REPAIR",
    version=1,
    title=Text("河东区闲置物品维修碳普惠方法学", "Hedong repair methodology"),
    effective=date(2026, 1, 1),
    until=None,
    issues=True,
    acts=("repair",),
    formula=(
        "BE = q·EF·D·L, L = years added / life·(1 − recirculation); "
        "PE = transport + packing + preparation + platform; "
        "U = q·years·grid·(max(0, used − new) + (1 − D)·used); "
        "LE = rate·BE; "
        "er = BE − PE − U − LE"
    ),
    steps=STEPS,
    roles=ROLES,
    check=check,
    compute=compute,
    life_budget=life_budget,
)
