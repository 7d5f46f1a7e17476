"""Laws of the draw and of the bound; simulated periods with planted errors."""

from __future__ import annotations

import hashlib
import math
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulate_verification as simulated
from carbon.domain.mrv.evaluation import Audited, Claim, evaluate
from carbon.domain.mrv.sampling import LOSSES, Frame, Plan, Sample, draw

#: CARBON_EXAMPLES scales the simulation up, as it does the examples of a property.
PERIODS = simulated.PERIODS * max(1, int(os.environ.get("CARBON_EXAMPLES", "100")) // 100)

SEEDS = st.binary(min_size=32, max_size=32)
PLANS = st.builds(Plan, st.sampled_from((80, 90, 95)), st.sampled_from((0, 50, 100, 200)))
GRAMS = st.lists(
    st.one_of(st.integers(-500, 500), st.integers(1, 10**10), st.integers(-(10**10), 0)),
    max_size=300,
)


def framed(er_g: list[int]) -> Frame:
    """Records of a leaf each."""
    return Frame(np.arange(len(er_g)), np.full(len(er_g), -1), np.array(er_g, np.int64))


def redrawn(records: list[tuple[int, int, int]], seed: bytes, units: int) -> list[tuple]:
    """The draw once more, by the words of docs/sampling.md section 3 and nothing else."""

    def numbers(stratum: str, bound: int):
        counter = 0
        while True:
            block = b"carbon-inclusion/draw/1\n" + seed + stratum.encode() + b"\n"
            block += counter.to_bytes(8, "big")
            word = int.from_bytes(hashlib.sha256(block).digest()[:8], "big")
            counter += 1
            if word < 2**64 // bound * bound:
                yield word % bound

    records = sorted(records)
    interval = max(1, sum(g for _, _, g in records if g > 0) // units)
    found = [(leaf, row, "whole", 1) for leaf, row, g in records if g >= interval]
    rest = [r for r in records if 0 < r[2] < interval]
    length, hits = sum(g for _, _, g in rest), {}
    stream = numbers("unit", interval)
    drawn = [cell * interval + next(stream) for cell in range(math.ceil(length / interval))]
    end, place = 0, 0
    for leaf, row, g in rest:
        end += g
        while place < len(drawn) and drawn[place] < end:
            hits[leaf, row] = hits.get((leaf, row), 0) + 1
            place += 1
    found += [(*key, "unit", count) for key, count in hits.items()]
    losses = [r for r in records if r[2] <= 0]
    chosen = set(range(len(losses)))
    if len(losses) > 59:
        chosen, stream = set(), numbers("loss", len(losses))
        while len(chosen) < 59:
            chosen.add(next(stream))
    found += [(*losses[number][:2], "loss", 1) for number in chosen]
    return sorted(found)


@given(GRAMS, SEEDS, PLANS)
def test_a_second_implementation_draws_the_same(er_g, seed, plan):
    found = draw(framed(er_g), seed, plan)
    again = redrawn([(n, -1, g) for n, g in enumerate(er_g)], seed, plan.units)
    assert [(i.leaf, i.row, i.stratum, i.hits) for i in found.items] == again


@given(GRAMS, SEEDS, PLANS)
def test_a_draw_keeps_its_strata(er_g, seed, plan):
    """Every item of an interval or more is taken; each item once; no unit item more than twice."""
    found = draw(framed(er_g), seed, plan)
    assert found == draw(framed(er_g), seed, plan)
    of = {s: {i.leaf: i for i in found.items if i.stratum == s} for s in ("whole", "unit", "loss")}
    assert set(of["whole"]) == {n for n, g in enumerate(er_g) if g >= found.interval_g}
    assert all(0 < i.er_g < found.interval_g and i.hits <= 2 for i in of["unit"].values())
    assert all(i.er_g <= 0 for i in of["loss"].values())
    assert len(of["loss"]) == found.losses_drawn == min(LOSSES, sum(g <= 0 for g in er_g))
    assert sum(map(len, of.values())) == len(found.items) == len({i.key for i in found.items})
    drawn = sum(i.hits for i in of["unit"].values())
    assert found.units_g // found.interval_g <= drawn <= -(-found.units_g // found.interval_g)


@given(SEEDS, st.permutations(range(32)))
def test_another_seed_draws_another_sample(seed, order):
    """Of a thousand equal items: the chance that two seeds agree is nil."""
    other = bytes(seed[n] for n in order)
    same = (
        draw(framed([10] * 1_000), seed, Plan(95, 0)).items
        == draw(framed([10] * 1_000), other, Plan(95, 0)).items
    )
    assert same == (other == seed)


def test_items_are_drawn_in_proportion_to_their_grams():
    """Expected hits = grams / interval, and losses equally often, within 5 standard errors."""
    er_g = [*range(1, 400, 4), *[-1] * 100]
    hits, seeds = np.zeros(len(er_g)), 3_000
    for number in range(seeds):
        found = draw(framed(er_g), hashlib.sha256(b"%d" % number).digest(), Plan(80, 0))
        for item in found.items:
            hits[item.leaf] += item.hits
    expected = np.array([*(np.array(er_g[:100]) / found.interval_g), *[LOSSES / 100] * 100])
    spread = np.sqrt(expected * seeds)
    assert (np.abs(hits - expected * seeds) <= 5 * spread + 1e-9).all()


@st.composite
def _audits(draw_):
    """A sample and what was found for its items, wrong in any direction."""
    sample = draw(framed(draw_(GRAMS)), draw_(SEEDS), draw_(PLANS))
    size = len(sample.items)
    errors = st.lists(st.integers(-(10**6), 10**6) | st.just(0), min_size=size, max_size=size)
    return sample, draw_(errors)


def judged(sample: Sample, errors: list[int], gained_g: int, reported_g: int):
    audited = {
        item.key: Audited(item.er_g - error)
        for item, error in zip(sample.items, errors, strict=True)
    }
    return evaluate(sample, audited, Claim(reported_g, gained_g))


@given(_audits(), st.floats(0, 1), st.floats(0, 1))
def test_no_more_is_verified_than_reported_and_the_bound_holds_the_projection(
    case, gained, reported
):
    sample, errors = case
    gained_g = int(sample.frame_g * gained)
    reported_g = int(gained_g * reported)
    found = judged(sample, errors, gained_g, reported_g)
    assert 0 <= found.verified_g <= reported_g
    assert found.frame.projected_g <= found.frame.bound_g
    assert found.claimed.projected_g <= found.claimed.bound_g
    assert 0 <= found.claimed.bound_g <= found.frame.bound_g


@given(_audits(), st.data())
def test_a_larger_error_never_lowers_bound_or_raises_what_is_verified(case, data):
    sample, errors = case
    if not errors:
        return
    number = data.draw(st.integers(0, len(errors) - 1))
    worse = [*errors]
    worse[number] += data.draw(st.integers(0, 10**6))
    before, after = (judged(sample, e, sample.frame_g, sample.frame_g) for e in (errors, worse))
    assert after.frame.bound_g >= before.frame.bound_g
    assert after.verified_g <= before.verified_g


@pytest.mark.parametrize("pattern", [p for p in simulated.PATTERNS if p != simulated.BEYOND])
def test_the_bound_covers_the_true_misstatement(pattern):
    """At 95 % confidence at least 94 % of simulated periods; 5 % at most where nothing is wrong."""
    found = simulated.coverage(pattern, PERIODS)
    assert found.covered >= 0.94
    if pattern == "nothing":
        assert found.bound_bp <= 500
    elif pattern != "both_ways":
        assert found.true_bp > 50


@pytest.mark.parametrize("pattern", [p for p in simulated.WORST if p != simulated.BEYOND])
def test_the_bound_holds_where_it_is_hardest_to_keep(pattern):
    """A misstatement just above what nothing found would still allow."""
    assert simulated.coverage(pattern, PERIODS, simulated.WORST[pattern]).covered >= 0.94


@pytest.mark.parametrize("share", [0.01, 0.02, 0.05])
@pytest.mark.parametrize("how", ["random", "clustered", "periodic"])
def test_fraud_is_found_at_the_predicted_rate(how, share):
    """1 − (1 − p)^n within 4 standard errors; more often where the false grams lie together."""
    found, predicted = simulated.detection(share, how, PERIODS)
    noise = 4 * math.sqrt(predicted * (1 - predicted) / PERIODS)
    assert found >= predicted - noise
    if how == "random":
        assert found <= predicted + noise
