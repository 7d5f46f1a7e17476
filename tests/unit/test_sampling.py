"""Sizes, seeds and the draw of a sample."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.risk import MAX_UNITS, Risk, attribute_size, sample_size
from carbon.domain.mrv.sampling import (
    LOSSES,
    MAX_FRAME_G,
    Frame,
    Plan,
    _Stream,
    check_reveal,
    commitment,
    draw,
    seed,
)

SEED = bytes(range(32))


def frame(*er_g: int) -> Frame:
    """Records of a leaf each."""
    size = len(er_g)
    return Frame(np.arange(size), np.full(size, -1), np.array(er_g, np.int64))


@pytest.mark.parametrize(
    ("confidence", "sizes"),
    [(95, (60, 74, 93, 162)), (90, (47, 56, 69, 115)), (80, (33, 38, 46, 71))],
)
def test_sizes_are_the_published_ones(confidence, sizes):
    """TRUST V2, all twelve."""
    assert tuple(sample_size(confidence, bp) for bp in (0, 50, 100, 200)) == sizes


def test_attribute_sizes_are_the_published_ones():
    """TRUST V2: 0, 1 and 2 deviations at 5 % and 95 %."""
    assert [attribute_size(95, deviations) for deviations in range(3)] == [59, 93, 124]
    assert LOSSES == 59


@pytest.mark.parametrize("expected_bp", [-1, 400, 500])
def test_a_sample_that_cannot_conclude_is_refused(expected_bp):
    with pytest.raises(CarbonError) as caught:
        sample_size(95, expected_bp)
    assert caught.value.code == "sampling.expected"
    assert str(MAX_UNITS) in str(caught.value)


@pytest.mark.parametrize("size", [sample_size, attribute_size])
def test_only_published_confidence_levels_exist(size):
    with pytest.raises(CarbonError) as caught:
        size(99, 0)
    assert caught.value.code == "sampling.confidence"


def test_confidence_grows_with_each_risk_and_each_circumstance():
    levels = ("low", "medium", "high")
    assert [[Risk(i, c).confidence for c in levels] for i in levels] == [
        [80, 80, 90],
        [80, 90, 95],
        [90, 95, 95],
    ]
    assert Risk("low", "low", new_project=True).confidence == 90
    assert Risk("low", "low", misstated_before=True, self_reported_bp=2_000).confidence == 95
    assert Risk("low", "low", self_reported_bp=1_999).confidence == 80
    assert Risk("high", "high", new_project=True).confidence == 95


@pytest.mark.parametrize("wrong", [("none", "low", 0), ("low", "", 0), ("low", "low", 10_001)])
def test_a_risk_outside_the_scale_is_refused(wrong):
    inherent, control, share = wrong
    with pytest.raises(CarbonError) as caught:
        Risk(inherent, control, self_reported_bp=share)
    assert caught.value.code == "sampling.risk"


def test_the_seed_joins_checkpoint_and_both_nonces():
    """TRUST V3, with nothing between the parts."""
    mine, theirs = b"v" * 32, b"b" * 32
    assert seed(b"note", mine, theirs) == hashlib.sha256(b"note" + mine + theirs).digest()
    assert seed(b"note", mine, theirs) != seed(b"note", theirs, mine)


def test_a_nonce_is_bound_by_its_commitment():
    nonce = b"n" * 32
    check_reveal(nonce, commitment(nonce))
    with pytest.raises(CarbonError) as caught:
        check_reveal(b"m" * 32, commitment(nonce))
    assert caught.value.code == "sampling.reveal"
    assert commitment(nonce) != hashlib.sha256(nonce).digest()


def test_nonces_and_seeds_have_32_bytes():
    for act in (
        lambda: commitment(b""),
        lambda: seed(b"note", b"n" * 32, b"n" * 31),
        lambda: draw(frame(1), b"", Plan(95, 0)),
    ):
        with pytest.raises(CarbonError) as caught:
            act()
        assert caught.value.code == "sampling.nonce"


@pytest.mark.parametrize(
    ("place", "leaf", "row", "er_g"),
    [
        ("shape", [0, 1], [-1], [5]),
        ("order", [0, 0], [0, 0], [5, 5]),
        ("order", [1, 0], [-1, 5], [5, 5]),
        ("er_g", [0, 1], [-1, -1], [MAX_FRAME_G - 1, -(MAX_FRAME_G - 1)]),
    ],
)
def test_a_frame_out_of_order_is_refused(place, leaf, row, er_g):
    with pytest.raises(CarbonError) as caught:
        Frame(np.array(leaf), np.array(row), np.array(er_g, np.int64))
    assert (caught.value.code, caught.value.values["place"]) == ("sampling.frame", place)


def test_large_items_are_taken_whole_and_few_losses_too():
    found = draw(frame(*[100] * 5_900, 10_000, 9_999, -5, 0), SEED, Plan(95, 0))
    assert found.interval_g == 10_166
    assert [item.er_g for item in found.items if item.stratum == "whole"] == []
    found = draw(frame(*[100] * 5_800, 10_000, 9_999, -5, 0), SEED, Plan(95, 0))
    assert found.interval_g == 9_999
    assert [item.key for item in found.items if item.stratum == "whole"] == [(5800, -1), (5801, -1)]
    assert [item.er_g for item in found.items if item.stratum == "loss"] == [-5, 0]
    assert (found.units_g, found.losses, found.losses_g) == (580_000, 2, -5)


def test_many_losses_are_a_sample_of_distinct_ones():
    found = draw(frame(*[-7] * 60), SEED, Plan(80, 0))
    assert len({item.key for item in found.items}) == LOSSES
    assert found.frame_g == found.units_g == 0


def test_a_frame_of_nothing_has_an_empty_sample():
    assert draw(frame(), SEED, Plan(95, 0)).items == ()


def test_words_that_would_favour_small_numbers_are_skipped():
    """Below 2**63 + 1, half of all words are: taken modulo, they would come twice as often."""
    bound, stream = 2**63 + 1, _Stream(SEED, "unit")
    start = b"carbon-inclusion/draw/1\n" + SEED + b"unit\n"
    blocks = (hashlib.sha256(start + n.to_bytes(8, "big")).digest() for n in range(64))
    fair = [word for block in blocks if (word := int.from_bytes(block[:8], "big")) < bound]
    assert len(fair) < 48
    assert [stream.below(bound) for _ in fair] == fair


def test_the_draw_of_a_known_seed_stays():
    """Fixed for ever: another draw would make published statements unrepeatable."""
    found = draw(frame(*range(-70, 1_000)), SEED, Plan(95, 0))
    text = repr([(item.leaf, item.stratum, item.hits) for item in found.items])
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "606bc418d1c917c2"
    assert found.method == (
        "MUS-cell/1 confidence=95% expected=0bp tolerable=500bp units=60 interval=8325g"
    )
    assert found.keys[0] == [found.items[0].leaf, -1]
