"""项目设计文件 → 审定 → 公示 → 备案: what a design holds, and that no step is skipped."""

from __future__ import annotations

from typing import Any

import pytest

from pilot import DESIGN, at, refused

pytestmark = pytest.mark.doors

BASELINE = DESIGN["baselines"][0]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("project.methodology", {"methodology": "HD-REUSE v9"}),
        # A methodology for comparison counts for display; it may not issue.
        ("project.methodology", {"methodology": "EBAY-REC v1"}),
        ("project.shares", {"shares": [{"party": "enterprise", "bp": 9_999}]}),
        ("project.shares", {"shares": [{"party": "seller", "bp": 5_000}] * 2}),
        ("project.declarations", {"declarations": ["outside_ets"] * 3}),
        ("decision.form", {"declarations": ["outside_ets", "no_maker_claim"]}),
        ("project.crediting", {"start": "2026-02-01"}),
        ("project.crediting", {"start": "2026-02-30"}),
        ("project.crediting", {"crediting": {"from": "2026-01-01", "to": "2029-01-01"}}),
        ("project.crediting", {"crediting": {"from": "2026-03-01", "to": "2026-02-01"}}),
        ("project.baseline", {"baselines": [BASELINE | {"category": "unicorns"}]}),
        ("project.baseline", {"baselines": [BASELINE | {"months": 11}]}),
        ("project.baseline", {"baselines": [BASELINE | {"months": 37}]}),
        ("project.baseline", {"baselines": [BASELINE | {"rate_bp": 100}]}),
        ("project.baseline", {"baselines": [BASELINE, BASELINE]}),
        ("decision.form", {"baselines": [BASELINE | {"rate_bp": 10_001}]}),
        ("decision.organisation", {"owner": "green"}),
    ],
)
def test_a_design_that_lacks_something_is_not_registered(pilot_at, code, changes):
    """Additionality, uniqueness and three years at most; by the owner's own people."""
    pilot = pilot_at("enrolled")
    refused(code, pilot.decide, "project", "other", {**DESIGN, **changes}, "otto")
    refused("project.unknown", pilot.registry.project, "other")


def test_a_newcomer_has_a_rate_and_others_a_mean(pilot_at):
    """Both kinds of baseline, and three years to the day."""
    pilot = pilot_at("enrolled")
    rate = {name: BASELINE[name] for name in ("category", "measure", "source")} | {"rate_bp": 2_000}
    longest = {"from": "2026-01-01", "to": "2028-12-31"}
    content: dict[str, Any] = {**DESIGN, "baselines": [rate], "crediting": longest}
    assert pilot.decide("project", "other", content, "otto")["state"] == "done"
    told = pilot.registry.project("other")
    assert (told["step"], told["status"]) == ("submitted", "pilot")


def test_steps_come_in_order_and_after_full_notice(pilot_at):
    """Seven working days from 23 November: the seventh is 2 December (no weekend counts)."""
    pilot = pilot_at("enrolled")
    own = {"project": "phones"}
    filing = own | {"status": "trial", "number": "HD-1"}
    positive = own | {"opinion": "positive"}
    refused("project.order", pilot.decide, "notice", "phones", own, "anne")
    refused("project.order", pilot.decide, "filing", "phones", filing, "anne")
    refused("decision.id", pilot.decide, "validation", "other", positive, "vera")
    refused(
        "project.unknown", pilot.decide, "validation", "other", positive | {"project": "other"},
        "vera",
    )  # fmt: skip
    pilot.decide("validation", "phones", positive, "vera")
    refused("request.conflict", pilot.decide, "validation", "phones",
            own | {"opinion": "negative"}, "vera")  # fmt: skip
    pilot.decide("notice", "phones", own, "anne")
    pilot.clock.at = at("2026-12-01T23:59:59")
    refused("project.notice", pilot.decide, "filing", "phones", filing, "anne")
    pilot.clock.at = at("2026-12-02T00:00:00")
    assert pilot.decide("filing", "phones", filing, "anne")["state"] == "waiting"
    pilot.decide("filing", "phones", filing, "bert")
    told = pilot.registry.project("phones")
    assert (told["step"], told["status"], told["filing_number"]) == ("filed", "filed", "HD-1")


def test_after_a_negative_validation_nothing_follows(pilot_at):
    """审定 that fails ends the way to 备案."""
    pilot = pilot_at("enrolled")
    own = {"project": "phones"}
    pilot.decide("validation", "phones", own | {"opinion": "negative"}, "vera")
    refused("project.order", pilot.decide, "notice", "phones", own, "anne")


def test_the_owners_verifier_does_not_validate(pilot_at):
    """Verifier ≠ owner, as for the statement."""
    pilot = pilot_at("enrolled")
    pilot.join("inge", "phone of inge", ["verifier"], "zhuan")
    content = {"project": "phones", "opinion": "positive"}
    refused("independence.conflict", pilot.decide, "validation", "phones", content, "inge")


def test_working_days_of_a_year_without_a_notice_are_unknown(pilot_at):
    """What the State Council has not announced is not guessed."""
    pilot = pilot_at("enrolled")
    pilot.decide("validation", "phones", {"project": "phones", "opinion": "positive"}, "vera")
    pilot.clock.at = at("2026-12-30T12:00:00")
    pilot.decide("notice", "phones", {"project": "phones"}, "anne")
    pilot.clock.at = at("2027-01-20T12:00:00")
    filing = {"project": "phones", "status": "trial", "number": "HD-1"}
    refused("calendar.unknown", pilot.decide, "filing", "phones", filing, "anne")


def test_records_name_a_project_there_is(pilot_at, phone):
    """Nobody's records are nobody's credits."""
    pilot = pilot_at("enrolled")
    refused("project.unknown", pilot.system.record, phone(1), project="other")
