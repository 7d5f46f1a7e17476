"""A record that is corrected between its report and the issuance: no credit rests on it."""

from __future__ import annotations

import re

import pytest

from carbon.domain.errors import CarbonError
from pilot import Pilot, quiet


@pytest.fixture
def pilot(system, tmp_path, phone) -> Pilot:
    made = Pilot(system, tmp_path)
    made.to_statement(phone)
    return made


@pytest.mark.parametrize("published", [False, True], ids=["pending", "published"])
def test_nothing_is_issued_on_a_record_withdrawn_after_its_report(pilot, published):
    """Once issued, the record could not be restated: it is corrected already."""
    pilot.system.correct("r1", "returned")
    if published:
        pilot.system.sequence(quiet)
    with pytest.raises(CarbonError, match=re.escape("issuance.corrected")):
        pilot.issue()


def test_a_record_withdrawn_elsewhere_does_not_stand_in_the_way(pilot, phone):
    """One that came after the report, and one of no project."""
    pilot.records(phone, 1, first=90)
    assert pilot.system.record(phone(91))["accepted"] == 1
    pilot.sequence()
    for record in ("r90", "r91"):
        pilot.system.correct(record, "returned")
    assert int(pilot.issue()["effect"]["credits"]) > 0
