"""监测报告: of a closed month, complete, in order, after both nonces; with figures done by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from carbon.domain.mrv.reported import rebuild, report_content
from pilot import DESIGN, MONTH, REPORT, at, refused

pytestmark = pytest.mark.doors

#: Grams of a phone sold by a Hedong shop, by its age in years, and of one too old to be worth it.
ER_G = {1: 15_848, 2: 11_888, 3: 6_608}
LOSS_G = -1_312


@pytest.fixture
def recorded(pilot_at):
    """A project whose people are assigned; more records may come."""
    return pilot_at("enrolled")


def losing(pilot, phone, count: int, month: str, first: int = 500) -> None:
    """Phones half a year before their end: each costs 1,312 g more than it avoids."""
    for number in range(first, first + count):
        changes = {"age_years": "4.5", "evidence": "certified_scale", "occurred_on": f"{month}-06"}
        pilot.system.record(phone(number, **changes), project="phones")


def test_only_what_is_above_the_baseline_is_reported(pilot_at):
    """额外性: ten phones a month were sold before; thirty of forty, 75 %, are more than that.

    14 phones of two years, 13 of three, 13 of one: 14·11,888 + 13·6,608 + 13·15,848 = 458,360 g.
    """
    document = pilot_at("reported").registry.document(REPORT)
    whole = 14 * ER_G[2] + 13 * ER_G[3] + 13 * ER_G[1]
    assert document["totals"]["er_g"] == str(whole) == "458360"
    assert document["reported_g"] == str(whole * 3 // 4) == "343770"
    assert document["below_baseline_g"] == "114590"
    assert (document["pending_g"], document["deficit_out_g"], document["left_out"]) == (
        "0",
        "0",
        {},
    )


def test_lower_rungs_of_evidence_earn_less(recorded, phone):
    """证据阶梯: 100 % by certified scale, 90 % by staff with photo, 50 % for who only says so.

    Eight phones of two years on each rung, 24 in all; 14/24 = 583,333 ppm are above the baseline.
    Of 8·11,888 = 95,104 g that is 55,477 g a rung: 55,477, 49,929 (rest 5,548), 27,738 (rest 27,739).
    """
    for number in range(24):
        rung = ("certified_scale", "staff_photo", "")[number % 3]
        recorded.system.record(phone(number, age_years="2", evidence=rung), project="phones")
    recorded.assign()
    recorded.commit()
    recorded.sequence()
    recorded.report()
    recorded.sequence()
    document = recorded.registry.document(REPORT)
    cells = {cell["evidence"]: cell for cell in document["cells"]}
    assert document["baselines"][0]["tradable_ppm"] == 583_333
    told = {rung: (cell["credited_g"], cell["pending_g"]) for rung, cell in cells.items()}
    assert told == {
        "certified_scale": ("55477", "0"),
        "staff_photo": ("49929", "5548"),
        "self_report": ("27738", "27739"),
    }
    assert document["reported_g"] == str(55_477 + 49_929 + 27_738)
    assert document["pending_g"] == str(5_548 + 27_739)


def test_a_month_of_losses_is_carried_into_the_next_report(recorded, phone):
    """Losses count whole and are never rejected afterwards: −3·1,312 g of September from October."""
    losing(recorded, phone, 3, "2026-09")
    recorded.records(phone, 40)
    effect = recorded.month_to_credits("2026-09")
    assert (effect["credits"], effect["serials"]) == ("0", [])
    assert (effect["issuable_g"], effect["deficit_out_g"]) == ("0", str(3 * LOSS_G))
    report = recorded.month_to_statement(MONTH)
    document = recorded.registry.document(report)
    assert document["deficit_in_g"] == "-3936"
    assert document["reported_g"] == str(343_770 - 3_936)


def test_losses_of_the_month_come_off_its_gains(recorded, phone):
    """No share makes a loss smaller: 43 phones, 33 above the baseline, 767,441 ppm of the gains.

    458,360 · 767,441 / 10⁶ = 351,764, less 3,936.
    """
    recorded.records(phone, 40)
    losing(recorded, phone, 3, MONTH)
    recorded.month_to_statement(MONTH)
    document = recorded.registry.document(REPORT)
    assert document["baselines"][0]["tradable_ppm"] == 767_441
    assert document["reported_g"] == str(458_360 * 767_441 // 1_000_000 - 3_936) == "347828"


def test_what_does_not_count_is_left_out_and_told(recorded, phone):
    """Corrected, returned, for display, of a demonstration, of another project, of another month."""
    own: dict[str, Any] = {"evidence": "certified_scale", "age_years": "2"}
    recorded.decide("project", "other", DESIGN, "otto")
    for number in range(1, 16):
        recorded.system.record(phone(number, **own), project="phones")
    recorded.system.record(phone(31, **own), project="other")
    recorded.system.record(phone(32, **own))
    recorded.system.record(phone(33, **own, occurred_on="2026-09-05"), project="phones")
    recorded.system.correct("r1", "returned")
    recorded.system.correct("r2", "entry_error", phone(41, **own, item_id="imei-2"))
    recorded.month_to_statement(MONTH)
    document = recorded.registry.document(REPORT)
    assert document["left_out"] == {"corrected": 1, "returned": 1}
    assert document["records"] == 14, "thirteen of the fifteen, and the one that replaces"
    assert document["totals"]["er_g"] == str(14 * ER_G[2])


def test_late_records_of_an_issued_month_are_part_one(pilot_at, phone):
    """Twenty more phones of October, reported after it was issued; the carry of 595 g joins them.

    7·15,848 + 6·11,888 + 7·6,608 = 228,520 g, of which ten of twenty phones are above the baseline.
    """
    pilot = pilot_at("issued")
    pilot.records(phone, 20, first=41)
    effect = pilot.month_to_credits(MONTH, part=1)
    document = pilot.registry.document("phones/2026-10/1")
    assert document["leaves"]["from"] == 47, "where part 0 ended: nothing is counted twice"
    assert (document["records"], document["totals"]["er_g"]) == (20, "228520")
    assert document["reported_g"] == "114260"
    issuable = 114_260 * int(document["uncertainty"]["percentiles_g"]["p33"]) // 228_520
    assert effect["carry_in_g"] == "595"
    credits_, rest = divmod(issuable + 595, 1_000)
    assert (effect["credits"], effect["carry_out_g"]) == (str(credits_), str(rest))
    assert effect["serials"][0]["first"] == "213"


def test_a_report_is_a_function_of_what_is_published(pilot_at):
    """Rebuilt from the log alone, byte for byte; the leaf names its hash."""
    pilot = pilot_at("reported")
    document = pilot.registry.document(REPORT)
    again = rebuild(document, pilot.registry.log, document["known"])
    assert again.content == pilot.registry.log.report(again.sha256)
    with pilot.registry.reading() as decisions:
        assert decisions.find("report", REPORT).decision.content == report_content(again)


# --- what is refused ------------------------------------------------------------------------------


def test_an_open_month_is_not_reported(recorded, phone):
    """November closes on the 30th, and things can be returned until 7 December."""
    recorded.system.record(phone(1, occurred_on="2026-11-05"), project="phones")
    recorded.assign("2026-11")
    recorded.commit("2026-11")
    recorded.sequence()
    recorded.clock.at = at("2026-12-07T23:59:59")
    refused("report.open", recorded.report, "2026-11")
    recorded.clock.at = at("2026-12-08T00:00:00")
    assert recorded.report("2026-11")["state"] == "done"


def test_a_report_waits_for_every_leaf_and_for_records(recorded, phone):
    """A record without a leaf would be missing for ever."""
    refused("report.empty", recorded.report)
    recorded.system.record(phone(1), project="phones")
    refused("report.pending", recorded.report)


def test_only_the_owner_reports_and_only_what_may_be_credited(recorded, phone):
    """A month outside the crediting period earns nothing, whoever asks."""
    late = {**DESIGN, "crediting": {"from": "2026-10-02", "to": "2027-12-31"}}
    recorded.decide("project", "late", late, "otto")
    recorded.system.record(phone(1), project="late")
    recorded.system.record(phone(2), project="phones")
    recorded.sequence()
    refused("report.crediting", recorded.report, MONTH, "late")
    refused("project.unknown", recorded.report, MONTH, "none")
    refused("decision.organisation", recorded.report, MONTH, "phones", "gina")


def test_both_sides_commit_before_the_report(recorded, phone):
    """V3: whoever knew the report first could choose the sample."""
    recorded.records(phone, 12)
    recorded.assign()
    recorded.sequence()
    told = refused("report.commitment", recorded.report)
    assert told.values["side"] == "verifier"
    work, nonce = recorded.registry.verification, recorded.folder / "vera.nonce"
    work.commit("phones", MONTH, nonce, recorded.key("vera"))
    recorded.sequence()
    assert refused("report.commitment", recorded.report).values["side"] == "bureau"
    work.commit("phones", MONTH, recorded.folder / "anne.nonce", recorded.key("anne"))
    refused("report.pending", recorded.report)
    recorded.sequence()
    assert recorded.report()["state"] == "done"


def test_a_report_says_what_the_log_gives(pilot_at):
    """Signed content that differs from the log by a gram, or by its place, is not taken."""
    pilot = pilot_at("committed")
    content = report_content(pilot.registry.built("phones", MONTH))
    wrong = content | {"er_g": "458361"}
    refused("report.differs", pilot.decide, "report", REPORT, wrong, "otto")
    refused("decision.id", pilot.decide, "report", REPORT, content | {"part": 1}, "otto")
    other = "phones/2026-10/1"
    refused("report.part", pilot.decide, "report", other, content | {"part": 1}, "otto")
    assert pilot.decide("report", REPORT, content, "otto")["state"] == "done"


def test_no_report_is_dropped_for_another_one(pilot_at):
    """A new report of the month needs a statement on the last: no sample is tried again."""
    pilot = pilot_at("reported")
    assert refused("report.unstated", pilot.report).values["report"] == REPORT
    refused("report.unstated", pilot_at("drawn").report)


def test_a_published_report_is_read_as_it_was(pilot_at):
    """Altered on its way, it is not taken for the one that was signed."""
    pilot = pilot_at("reported")
    (path,) = (pilot.system.settings.log / "reports").glob("*.json")
    document = json.loads(path.read_bytes()) | {"reported_g": "1"}
    path.write_text(json.dumps(document))
    refused("log.changed", pilot.registry.document, REPORT)
    refused("verification.report", pilot.registry.document, "phones/2026-09/0")
