"""Grams into credits, serial ranges split and merged: nothing is lost or given twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.domain.credit.issuance import (
    Block,
    amounts,
    apportion,
    cut,
    merge,
    serial,
    serial_number,
    take,
)
from carbon.domain.errors import CarbonError


@given(st.integers(0, 10**12), st.integers(0, 999), st.integers(0, 10**6))
def test_every_gram_is_a_credit_or_carried(issuable_g, carry_g, buffer_ppm):
    found = amounts(issuable_g, carry_g, buffer_ppm)
    assert found.credits * 1_000 + found.carry_out_g == issuable_g + carry_g
    assert 0 <= found.carry_out_g < 1_000
    assert 0 <= found.buffer <= found.credits
    assert found.buffer * 10**6 >= found.credits * buffer_ppm, "the buffer's share is rounded up"


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_shares_add_up_and_none_is_a_whole_unit_off(total, weights):
    parts = apportion(total, weights)
    if sum(weights) == 0:
        assert parts == [0] * len(weights)
        return
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


def test_equal_remainders_go_by_place():
    assert apportion(5, [1, 1]) == [3, 2]


def test_a_serial_reads_back_and_nothing_else_does():
    assert serial_number(serial(7)) == serial_number(" hd-000000000007 ") == 7
    assert serial_number("7") == 7
    for text in ("HD-7", "HD-0000000000070", "-7", "七", ""):
        with pytest.raises(CarbonError, match=re.escape("serial.invalid")):
            serial_number(text)


@pytest.mark.parametrize(("first", "last"), [(0, 3), (4, 3), (-2, -1)])
def test_a_range_runs_upwards_from_one(first, last):
    with pytest.raises(CarbonError, match=re.escape("serial.range")):
        Block(first, last)


blocks = st.lists(st.integers(1, 200), min_size=1, max_size=30, unique=True).map(
    lambda numbers: merge(Block(n, n) for n in numbers)
)


def numbers(ranges):
    return [n for block in ranges for n in range(block.first, block.last + 1)]


@given(blocks, st.data())
def test_the_lowest_serials_are_taken_and_the_rest_stays(held, data):
    wanted = data.draw(st.integers(1, len(numbers(held))))
    taken, rest = take(held, wanted)
    assert numbers(taken) == numbers(held)[:wanted]
    touched = [b for b in held if any(t.within(b) for t in taken)]
    assert sorted(numbers(taken) + numbers(rest)) == numbers(touched)


@given(blocks)
def test_more_than_there_is_is_refused(held):
    with pytest.raises(CarbonError, match=re.escape("serial.short")):
        take(held, len(numbers(held)) + 1)


@given(st.integers(1, 50), st.integers(0, 50), st.data())
def test_cutting_and_merging_gives_the_block_back(first, length, data):
    block = Block(first, first + length)
    a = data.draw(st.integers(block.first, block.last))
    part = Block(a, data.draw(st.integers(a, block.last)))
    assert merge([*cut(block, part), part]) == [block]
