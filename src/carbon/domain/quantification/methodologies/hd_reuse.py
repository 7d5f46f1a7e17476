"""HD-REUSE v1 (河东再使用方法学): avoided CO2 of a hand-over to a next user. The one that issues.

Document: ``docs/methodology/HD-REUSE.md``; clause numbers below are its own. Our synthesis of
T/CACE 2023 (idle goods), Rainbow RIV-REC-01, eBay's and Vinted's published rules; it follows no
city's methodology text.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from carbon.domain.activity.checks import finding
from carbon.domain.activity.record import FIXED_VOCABULARIES, Finding
from carbon.domain.errors import Text
from carbon.domain.quantification import formulas
from carbon.domain.quantification.expression import Expr, Step
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
    ZERO,
    credited,
    num,
    product,
)
from carbon.domain.quantification.resolver import Role
from carbon.domain.units import Float, Mask

_CONDITION = FIXED_VOCABULARIES["condition"]
_ACT = FIXED_VOCABULARIES["act"]
_SUBSIDY = FIXED_VOCABULARIES["subsidised"]
#: An allowance is never divided by less than this share of a life.
_LEAST_LIFE = 1e-12

ROLES = (
    *HANDOVER_ROLES,
    Role(
        "condition_cap",
        "policy",
        "condition_cap/{condition}",
        "condition",
        unless=("condition", "broken"),
    ),
    Role("default_share", "policy", "reuse_share_default", "destination", optional=True),
    Role("leakage_rate", "policy", "leakage_rate/reuse"),
)


def check(situation: Situation) -> Iterator[Finding]:
    """Applicability (clause 3): what, where, when and how an act must be to count."""
    yield from check_handover(situation)
    yield from _check_fate(situation)
    yield from _check_subsidy(situation)
    life, unknown = situation.factors.value("life"), situation.factors.value("unknown_age_life")
    age = situation.batch.numbers["age_years"]
    with np.errstate(invalid="ignore"):
        exhausted = formulas.less_life(age, life, unknown)
    yield from finding("life.exhausted", "age_years", exhausted)


def _check_fate(situation: Situation) -> Iterator[Finding]:
    """Clauses 3.3 and 3.5: only what reaches a next user inside the country."""
    batch = situation.batch
    broken = batch.codes["condition"] == _CONDITION["broken"]
    yield from finding("condition.broken", "condition", broken)
    unproven = _unproven(situation)
    if situation.demonstration:
        no_share = np.isnan(situation.factors.value("default_share"))
        yield from finding("factor.missing", "destination", unproven & no_share)
    else:
        yield from finding("destination.unproven", "destination", unproven)


def _check_subsidy(situation: Situation) -> Iterator[Finding]:
    """Clause 3.6: a trade-in says that it had no national subsidy."""
    subsidised = situation.batch.codes["subsidised"]
    silent = (situation.batch.codes["act"] == _ACT["trade_in"]) & (subsidised == -1)
    yield from finding("subsidy.unknown", "subsidised", silent)
    yield from finding("subsidy.received", "subsidised", subsidised == _SUBSIDY["yes"])


def _unproven(situation: Situation) -> Mask:
    """Batches by weight without evidence of their fate (clause 3.3)."""
    codes = situation.batch.codes
    unproven: Mask = situation.items.by_weight[codes["item_type"]] & (codes["destination"] == -1)
    return unproven


def life_budget(situation: Situation) -> Float:
    """Life an item's account holds at its first act (clause 6.4): (life − age) / life."""
    age, life = situation.batch.numbers["age_years"], situation.factors.value("life")
    unknown = situation.factors.value("unknown_age_life")
    return np.where(np.isnan(age), unknown, formulas.remaining_life(age, life))


def compute(situation: Situation) -> Emissions:
    """Clauses 5 to 9 for a batch; see :class:`Emissions` for shapes and units."""
    batch, factors = situation.batch, situation.factors
    age, life = batch.numbers["age_years"], factors.value("life")
    by_age = life_budget(situation)
    cap, kept = factors.value("condition_cap"), life_kept(situation)
    credited = np.minimum(np.minimum(by_age, cap) * kept, situation.allowance)
    inside = factors.includes_life("displacement")
    own = np.maximum(np.minimum(by_age, cap) * kept, _LEAST_LIFE)
    counted = np.where(inside, kept * np.minimum(1.0, situation.allowance / own), credited)
    pieces = amount(situation)
    unproven = _unproven(situation) & situation.demonstration
    share = np.where(unproven, factors.value("default_share"), 1.0)
    baseline = formulas.baseline_kg(
        pieces, share, factors.value("ef"), factors.value("displacement"), counted
    )
    leakage = factors.value("leakage_rate") * baseline
    project, project_terms = project_kg(situation)
    years = np.where(np.isnan(age), life, np.maximum(0.0, life - age))
    use, use_terms, unsourced = use_phase(situation, years)

    kept_amount = pieces * share * (1.0 - factors.value("leakage_rate"))
    by_life = ~inside & ~np.isnan(age) & (by_age <= cap) & (by_age * kept <= situation.allowance)
    production = (("ef", 1), ("displacement", 1))
    terms = [
        Term("be_fixed", np.where(by_life, 0.0, kept_amount * counted), production),
        Term(
            "be_by_age",
            np.where(by_life, kept_amount * kept, 0.0),
            production,
            spent=np.where(by_life, kept_amount * kept * age, 0.0),
        ),
        *project_terms,
        *use_terms,
    ]
    flags = common_flags(situation) | flag(unsourced, "energy_unsourced")
    flags |= flag(unproven, "reuse_share_default")
    flags |= flag(situation.allowance < np.minimum(by_age, cap) * kept, "life_account")
    unused = unused_roles(situation, unsourced) | {"default_share": ~unproven}
    return Emissions(baseline, project, use, leakage, credited, terms, flags, unused)


#: Share of an act's own L that its item's account grants, where D already contains the life.
_GRANTED: Expr = (
    "if",
    ("given", "allowance"),
    ("min", ONE, ("div", "allowance", ("max", "own", num(_LEAST_LIFE)))),
    ONE,
)

#: The formula as published: :func:`compute`, operation by operation.
STEPS: tuple[Step, ...] = (
    *AMOUNT,
    LIFE_KEPT,
    (
        "share",
        ("if", ("and", "by_weight", ("not", ("given", "destination"))), "default_share", ONE),
    ),
    (
        "by_age",
        (
            "if",
            ("given", "age_years"),
            ("max", ZERO, ("sub", ONE, ("div", "age_years", "life"))),
            "unknown_age_life",
        ),
    ),
    ("own", ("mul", ("min", "by_age", "condition_cap"), "kept")),
    ("credited", credited("own")),
    (
        "counted",
        ("if", ("is", "displacement.includes", "life"), ("mul", "kept", _GRANTED), "credited"),
    ),
    ("be", product("q", "share", "ef", "displacement", "counted")),
    *PROJECT,
    (
        "years",
        ("if", ("given", "age_years"), ("max", ZERO, ("sub", "life", "age_years")), "life"),
    ),
    USE,
    LEAKAGE,
    *GRAM_STEPS,
)

METHODOLOGY = Methodology(
    id="HD-REUSE",
    version=1,
    title=Text("河东区闲置物品再使用碳普惠方法学", "Hedong re-use methodology"),
    effective=date(2026, 1, 1),
    until=None,
    issues=True,
    acts=("sale", "donation", "share", "trade_in"),
    formula=(
        "BE = q·R·EF·D·L, L = min(1 − age/life, cap)·(1 − recirculation); "
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
