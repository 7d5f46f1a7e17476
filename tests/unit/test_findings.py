"""Findings: what may follow what, what blocks, and what a clock does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.findings import (
    Answered,
    Closed,
    Raised,
    blocking,
    blocking_issuance,
    carried,
    fold,
)

DAY = date(2026, 11, 2)


def after(days: int) -> date:
    return DAY + timedelta(days=days)


def raised(class_: str) -> Raised:
    return Raised("f", DAY, "verifier", class_)


ANSWER = Answered("f", after(3), "owner")
CLOSE = Closed("f", after(4), "verifier")


def test_a_car_blocks_until_it_is_closed():
    for events, blocked in (([], 1), ([ANSWER], 1), ([ANSWER, CLOSE], 0)):
        found = fold([raised("CAR"), *events])
        assert len(blocking(found, after(5))) == blocked
        assert len(blocking_issuance(found, after(5))) == blocked


def test_a_clarification_blocks_the_statement_and_becomes_a_car_when_its_clock_runs_out():
    found = fold([raised("CL"), ANSWER])
    assert found["f"].due == after(30)
    assert (len(blocking(found, after(30))), blocking_issuance(found, after(30))) == (1, [])
    assert len(blocking(found, after(31))) == len(blocking_issuance(found, after(31))) == 1
    late = fold([raised("CL"), ANSWER, Closed("f", after(40), "verifier")])
    assert late["f"].class_on(after(50)) == "CAR"
    assert blocking_issuance(late, after(50)) == []


def test_a_forward_action_needs_an_answer_in_time_and_is_carried_open():
    found = fold([raised("FAR"), ANSWER])
    assert (blocking(found, after(90)), len(carried(found, after(90)))) == ([], 1)
    unanswered = fold([raised("FAR")])
    assert (blocking(unanswered, after(30)), len(carried(unanswered, after(30)))) == ([], 1)
    assert (len(blocking(unanswered, after(31))), carried(unanswered, after(31))) == (1, [])
    late = fold([raised("FAR"), Answered("f", after(31), "owner")])
    assert len(blocking_issuance(late, after(32))) == 1


def test_findings_are_told_apart():
    found = fold([raised("CAR"), Raised("g", DAY, "verifier", "FAR"), ANSWER, CLOSE])
    assert [f.id for f in carried(found, DAY)] == ["g"]


def test_an_answer_may_be_given_again():
    found = fold([raised("CAR"), ANSWER, Answered("f", after(9), "other")])["f"]
    assert (found.answered_on, found.answered_by) == (after(3), {"owner", "other"})


def test_nobody_closes_what_they_answered():
    with pytest.raises(CarbonError) as caught:
        fold([raised("CL"), Answered("f", DAY, "verifier"), CLOSE])
    assert caught.value.code == "finding.same_person"


@pytest.mark.parametrize(
    "events",
    [
        [ANSWER],
        [CLOSE],
        [raised("CAR"), raised("CAR")],
        [raised("CAR"), CLOSE],
        [raised("CAR"), ANSWER, CLOSE, CLOSE],
        [raised("CAR"), ANSWER, CLOSE, ANSWER],
        [raised("CAR"), Answered("f", after(-1), "owner")],
        [raised("CAR"), ANSWER, Closed("f", after(2), "verifier")],
        [raised("NCR")],
    ],
)
def test_an_event_out_of_order_is_refused(events):
    with pytest.raises(CarbonError) as caught:
        fold(events)
    assert caught.value.code == "finding.order"
