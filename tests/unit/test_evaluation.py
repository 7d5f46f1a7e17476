"""Projection, bound and opinion, checked against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.evaluation import Audited, Claim, Evaluation, evaluate, poisson_factor
from carbon.domain.mrv.sampling import Frame, Item, Plan, Sample, draw

PLAN = Plan(95, 0)
#: 60 items of 100 g hit once each, out of 60,000 g.
UNITS = Sample(
    PLAN, 1_000, 60_000, 60_000, 0, 0, tuple(Item(n, -1, 100, "unit") for n in range(60))
)


def judged(sample: Sample, errors: dict[int, int] | None = None, **claim: int) -> Evaluation:
    """An evaluation where items of some leaves are overstated by so many grams."""
    wrong = errors or {}
    audited = {i.key: Audited(i.er_g - wrong.get(i.leaf, 0)) for i in sample.items}
    whole = {"reported_g": sample.frame_g, "gained_g": sample.frame_g}
    return evaluate(sample, audited, Claim(**(whole | claim)))


@pytest.mark.parametrize(
    ("confidence", "factors"),
    [
        (95, (2.9958, 4.7439, 6.2958)),
        (90, (2.3026, 3.8898, 5.3224)),
        (80, (1.6095, 2.9944, 4.2791)),
    ],
)
def test_factors_are_those_of_the_poisson_tables(confidence, factors):
    found = [poisson_factor(confidence, count) / 1_000_000 for count in range(3)]
    assert found == pytest.approx(factors, abs=1e-4)


def test_factors_of_many_errors_neither_overflow_nor_stop_growing():
    assert poisson_factor(95, 1_000) / 1_000_000 == pytest.approx(1054.1, abs=0.5)


def test_nothing_wrong_bounds_three_intervals():
    found = judged(UNITS)
    assert (found.frame.projected_g, found.frame.bound_g) == (0, 2_996)
    assert (found.bound_bp, found.opinion, found.alarm) == (500, "positive", False)
    assert found.verified_g == 60_000


def test_errors_enter_the_bound_largest_first():
    """Taints 0.5 and 0.2: 2.995733 + 1.748132 · 0.5 + 1.551929 · 0.2, in intervals of 1,000 g."""
    found = judged(UNITS, {3: 20, 5: 50})
    assert (found.frame.projected_g, found.frame.bound_g) == (700, 4_181)
    assert (found.opinion, found.verified_g) == ("qualified", 60_000 - 4_181)


def test_an_understatement_lowers_the_projection_and_never_the_bound():
    found = judged(UNITS, {1: -100})
    assert (found.frame.projected_g, found.frame.bound_g) == (-1_000, 2_996)
    assert found.verified_g == 60_000


def test_an_item_worse_than_wholly_false_raises_the_allowance():
    """Taint 3: an unseen unit may be as wrong as the worst one seen."""
    found = judged(UNITS, {1: 300})
    assert found.frame.bound_g == -(-(2_995_733 + 1_748_132) * 3_000 // 1_000_000)


def test_a_unit_hit_twice_counts_twice():
    twice = Sample(PLAN, 1_000, 60_000, 60_000, 0, 0, (Item(0, -1, 900, "unit", 2),))
    assert judged(twice, {0: 90}).frame.projected_g == 200


def test_an_item_taken_whole_counts_its_own_error():
    whole = Sample(PLAN, 100, 6_000, 0, 0, 0, (Item(0, -1, 6_000, "whole"),))
    found = judged(whole, {0: 90})
    assert (found.frame.projected_g, found.frame.bound_g) == (90, 90)
    assert found.verified_g == 5_910


def test_a_small_rest_is_never_bounded_by_more_than_itself():
    """One unit stratum of 200 g beside large items: three intervals would be 3,000 g."""
    items = Item(0, -1, 59_800, "whole"), Item(1, -1, 200, "unit")
    sample = Sample(PLAN, 1_000, 60_000, 200, 0, 0, items)
    assert judged(sample).frame.bound_g == 200
    found = judged(sample, {1: 200})
    assert (found.frame.projected_g, found.frame.bound_g) == (200, 200)


def test_losses_are_projected_by_their_mean_error():
    """118 losses, 59 drawn: each understated gram of one counts twice."""
    losses = tuple(Item(n, -1, -10, "loss") for n in range(100, 159))
    sample = Sample(PLAN, 1_000, 60_000, 60_000, 118, -1_180, UNITS.items + losses)
    assert judged(sample).frame.bound_g == 2_996
    found = judged(sample, {100: 250})
    assert (found.frame.projected_g, found.frame.bound_g) == (500, 2_996 + 874)
    heavy = judged(sample, {100: 2_500})
    assert heavy.frame.bound_g == -(-(2_995_733 + 1_748_132) * 5_000 // 1_000_000)


def test_few_losses_count_their_own_errors():
    sample = Sample(PLAN, 1_000, 60_000, 60_000, 1, -5, (*UNITS.items, Item(99, -1, -5, "loss")))
    found = judged(sample, {99: 40})
    assert (found.frame.projected_g, found.frame.bound_g) == (40, 2_996 + 40)


def test_a_misstatement_is_scaled_to_what_is_claimed_and_losses_are_not():
    """A third of the positive grams is claimed; an understated loss lowers the claim in full."""
    sample = Sample(PLAN, 1_000, 60_000, 60_000, 1, -5, (*UNITS.items, Item(99, -1, -5, "loss")))
    found = judged(sample, {1: 50}, reported_g=19_995, gained_g=20_000)
    assert (found.frame.projected_g, found.claimed.projected_g) == (500, 167)
    found = judged(sample, {99: 50}, reported_g=19_995, gained_g=20_000)
    assert (found.frame.projected_g, found.claimed.projected_g) == (50, 50)
    assert (found.opinion, found.claimed.bound_g) == ("qualified", 1_051)
    assert found.verified_g == 19_995 - 1_051


def test_intent_has_no_tolerance():
    audited = {i.key: Audited(i.er_g, intent=i.leaf == 7) for i in UNITS.items}
    found = evaluate(UNITS, audited, Claim(60_000, 60_000))
    assert (found.opinion, found.verified_g) == ("adverse", 0)


def test_a_material_projection_is_adverse_and_alarms():
    found = judged(UNITS, dict.fromkeys(range(4), 100))
    assert (found.projected_bp, found.opinion, found.verified_g) == (667, "adverse", 0)
    assert found.alarm
    assert judged(UNITS, {1: 100}).alarm is False
    assert judged(UNITS, {1: 100, 2: 30}).alarm


def test_more_is_never_verified_than_reported_nor_less_than_nothing():
    assert judged(UNITS, dict.fromkeys(range(60), -50), reported_g=500).verified_g == 500
    assert judged(UNITS, {1: 100, 2: 100}, reported_g=500).verified_g == 0


def test_every_sampled_item_is_opened_and_no_other():
    """TRUST V4: an unopened item blocks the statement."""
    audited = {i.key: Audited(i.er_g) for i in UNITS.items[1:]}
    with pytest.raises(CarbonError) as caught:
        evaluate(UNITS, audited, Claim(1, 1))
    assert (caught.value.code, caught.value.values["leaf"]) == ("evaluation.unopened", 0)
    audited |= {(0, -1): Audited(100), (70, 2): Audited(5)}
    with pytest.raises(CarbonError) as caught:
        evaluate(UNITS, audited, Claim(1, 1))
    assert (caught.value.code, caught.value.values["row"]) == ("evaluation.foreign", 2)


@pytest.mark.parametrize("claim", [(-1, 0), (2, 1), (1, 60_001)])
def test_a_claim_of_more_than_there_is_is_refused(claim):
    with pytest.raises(CarbonError) as caught:
        judged(UNITS, reported_g=claim[0], gained_g=claim[1])
    assert caught.value.code == "evaluation.claim"


def test_a_frame_without_gains_is_evaluated():
    frame = Frame(np.arange(3), np.full(3, -1), np.array([-5, 0, -1]))
    found = judged(draw(frame, bytes(32), PLAN), {0: 7})
    assert (found.frame.projected_g, found.opinion, found.verified_g) == (7, "adverse", 0)
