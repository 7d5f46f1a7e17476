"""Who may verify and review (TRUST V5)."""

from __future__ import annotations

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.mrv.independence import Assignee, check_assignment, most_in_a_row

ANNA, BO, REVIEWER = Assignee("anna", "x"), Assignee("bo", "y"), Assignee("rui", "z")


def refused(**changed: object) -> str:
    """The code an assignment is refused with; empty if it stands."""
    given = {"team": [ANNA], "reviewer": REVIEWER, "conflicts": ["owner"], "month": 9, "past": []}
    try:
        check_assignment(**(given | changed))
    except CarbonError as error:
        return error.code
    return ""


@pytest.mark.parametrize("conflict", ["anna", "x", "rui", "z"])
def test_persons_and_organisations_in_the_conflict_register_stay_out(conflict):
    assert refused() == ""
    assert refused(conflicts=["owner", conflict]) == "independence.conflict"


def test_the_reviewer_is_not_in_the_team():
    assert refused(team=[BO, ANNA], reviewer=Assignee("anna", "z")) == "independence.reviewer"


def test_after_three_periods_come_two_without():
    three = [(month, "anna") for month in (6, 7, 8)]
    assert refused(past=three[:2]) == ""
    assert refused(past=three) == "independence.rotation"
    assert refused(past=[*three, (9, "bo")], month=10) == "independence.rotation"
    assert refused(past=[*three, (9, "bo"), (10, "bo")], month=11) == ""
    assert refused(team=[BO, ANNA], past=three) == "independence.rotation"


def test_months_without_a_report_are_no_break():
    assert refused(past=[(1, "anna"), (2, "anna"), (3, "anna")]) == "independence.rotation"


def test_one_period_out_ends_no_run():
    past = [(1, "anna"), (2, "bo"), (3, "anna"), (4, "anna")]
    assert most_in_a_row("anna", past) == 3
    assert most_in_a_row("bo", past) == 1


def test_parts_of_one_month_are_one_period():
    past = [(7, "anna"), (8, "anna"), (8, "anna"), (9, "anna")]
    assert most_in_a_row("anna", past) == 3
    assert refused(past=past) == ""


def test_the_order_of_assigning_makes_no_run_shorter():
    """Later months count as much as earlier ones, on either side of the new one."""
    assert refused(past=[(10, "anna"), (11, "anna"), (12, "anna")]) == "independence.rotation"
    assert refused(past=[(7, "anna"), (8, "anna"), (10, "anna")]) == "independence.rotation"
    assert refused(past=[(8, "anna"), (10, "anna")]) == ""
