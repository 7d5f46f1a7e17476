"""重述: a correction reaches the credits issued on it: buffer, then owner, then the next report (V7)."""

from __future__ import annotations

import json

import pytest

from pilot import ASSET, MONTH, REPORT, refused

pytestmark = pytest.mark.doors


def facts(pilot, *numbers: int) -> list[str]:
    return [pilot.registry.restatements.fact_of(f"r{n}", "local") for n in numbers]


def restate(pilot, *numbers: int, factors: tuple[str, ...] = ()):
    """Records come back, or factors fall; what is told of the October report."""
    answer = pilot.restate(
        facts(pilot, *numbers), list(factors), "returned", "came back", pilot.keys("anne", "bert")
    )
    pilot.sequence()
    (told,) = answer["effect"]["reports"]
    return told


def restated(pilot) -> dict[str, object]:
    """The October report as the last restatement published it."""
    with pilot.registry.reading() as decisions:
        last = decisions.every("restatement")[-1].decision.content["reports"][0]
    return json.loads(pilot.registry.log.report(last["sha256"]))


def supported(pilot) -> int:
    """Credits the restated report supports: its grams by its own percentile, in whole kilograms."""
    now = restated(pilot)
    total = int(now["totals"]["er_g"])
    return int(now["reported_g"]) * int(now["uncertainty"]["percentiles_g"]["p33"]) // total // 1000


def test_the_buffer_makes_good_first(pilot_at):
    """One phone of two years, 11,888 g, comes back: 39 phones, 29 above the baseline, 743,589 ppm.

    446,472 g · 743,589 / 10⁶ = 331,991 g are left of 343,770; some of the 11 in the buffer go.
    """
    pilot = pilot_at("issued")
    told = restate(pilot, 1)
    now = restated(pilot)
    assert (now["totals"]["er_g"], now["reported_g"]) == (str(458_360 - 11_888), "331991")
    assert now["left_out"] == {"restated": 1} or now["left_out"] == {"corrected": 1}
    assert int(told["buffer"]) == 212 - supported(pilot)
    assert 0 < int(told["buffer"]) <= 11
    assert (told["owner"], told["owed_g"]) == ("0", "0")
    assert told["serials"][0]["first"] == "202", "the buffer's lowest"
    assert pilot.registry.credits.holdings("zhuan")[0]["free"] == 201
    assert pilot.registry.credits.lookup(202)["account"] == "cancelled"


def test_then_the_owner_and_what_is_missing_comes_off_the_next_report(pilot_at, phone):
    """Nine phones are left, below the baseline of ten: all 212 credits go.

    The buffer has 11; of the owner's 201 fifty were given away: 151. Fifty are owed: 50,000 g.
    Twenty late phones earn 114,260 g (test_registry_reports): 64,260 are reported.
    """
    pilot = pilot_at("issued").demonstrating()
    pilot.trust()
    pilot.transfer("t", 50)
    pilot.settle()
    pilot.sequence()
    told = restate(pilot, *range(1, 32))
    assert restated(pilot)["reported_g"] == "0"
    assert (told["buffer"], told["owner"], told["owed_g"]) == ("11", "151", "50000")
    assert pilot.registry.credits.holdings("zhuan") == []
    assert pilot.registry.credits.holdings("green")[0]["free"] == 50, (
        "who got them in good faith keeps them"
    )
    pilot.records(phone, 20, first=41)
    pilot.month_to_credits(MONTH, part=1)
    document = pilot.registry.document("phones/2026-10/1")
    assert (document["deficit_in_g"], document["reported_g"]) == ("-50000", str(114_260 - 50_000))


def test_what_is_promised_to_others_is_not_taken(pilot_at):
    """Held for a transfer, it is no longer free; it is owed instead."""
    pilot = pilot_at("issued").demonstrating()
    pilot.trust()
    pilot.transfer("t", 150)
    told = restate(pilot, *range(1, 32))
    assert (told["buffer"], told["owner"], told["owed_g"]) == ("11", "51", "150000")
    assert [answer["state"] for answer in pilot.settle()] == ["done"]


def test_a_frozen_owner_gives_back_all_the_same(pilot_at):
    """A freeze protects others from the holder, not the holder from what it owes."""
    pilot = pilot_at("issued")
    pilot.decide("freeze", "zhuan/1", {"holder": "zhuan", "reason": "asked"}, "anne")
    assert restate(pilot, *range(1, 32))["owner"] == "201"


def test_a_second_restatement_adds_what_it_finds(pilot_at):
    """Step by step as much is cancelled as at once."""
    pilot, other = pilot_at("issued"), pilot_at("issued")
    first, second = restate(pilot, 1), restate(pilot, 2)
    both = restate(other, 1, 2)
    for account in ("buffer", "owner", "owed_g"):
        assert int(first[account]) + int(second[account]) == int(both[account])


def test_a_loss_is_owed_once(pilot_at, phone):
    """Three phones at a loss stay in the month; its gains fall below the baseline, twice restated.

    Their 3,936 g are owed by the first restatement, and not again by the second.
    """
    pilot = pilot_at("enrolled")
    pilot.records(phone, 40)
    for number in range(500, 503):
        loss = {"age_years": "4.5", "evidence": "certified_scale"}
        pilot.system.record(phone(number, **loss), project="phones")
    pilot.month_to_credits(MONTH)
    first = restate(pilot, *range(1, 36))
    assert (restated(pilot)["reported_g"], restated(pilot)["deficit_out_g"]) == ("0", "-3936")
    assert first["owed_g"] == "3936"
    assert restate(pilot, 36)["owed_g"] == "0"


def test_a_withdrawn_factor_takes_back_what_rests_on_it(pilot_at):
    """A factor that every phone uses: nothing is left, and it is named in public."""
    pilot = pilot_at("issued")
    factor = pilot.registry.document(REPORT)["factor_rows"][0]
    told = restate(pilot, factors=(factor,))
    assert int(told["buffer"]) + int(told["owner"]) > 0
    assert "withdrawn" in restated(pilot)["left_out"] or restated(pilot)["reported_g"] != "0"


# --- what is refused ------------------------------------------------------------------------------


def test_a_record_is_withdrawn_once(pilot_at):
    """It cannot be made good for twice."""
    pilot = pilot_at("issued")
    facts_ = facts(pilot, 1)
    restate(pilot, 1)
    keys = pilot.keys("anne", "bert")
    refused(
        "correction.done",
        pilot.restate,
        facts_,
        [],
        "returned",
        "again",
        keys,
    )
    refused("correction.done", pilot.registry.restatements.fact_of, "r1", "local")


def test_what_was_issued_is_restated_and_nothing_else(pilot_at):
    """Records without credits are corrected; records with them are not."""
    pilot = pilot_at("stated")
    keys = pilot.keys("anne", "bert")
    one = facts(pilot, 1)
    refused(
        "restatement.not_issued",
        pilot.restate,
        one,
        [],
        "returned",
        "x",
        keys,
    )
    pilot.issue()
    refused("correction.issued", pilot.system.correct, "r1", "returned")
    content = {
        "reports": [{"report": "phones/2026-09/0", "credits": "0", "sha256": "0" * 64}],
        "known": 1,
        "replaced": [],
        "withdrawn": [],
        "reason": "returned",
        "text": "x",
    }
    refused("verification.report", pilot.decide, "restatement", "x", content, "anne")


@pytest.fixture
def content(pilot_at):
    """A pilot, and the restatement of one record as its signers are told."""
    pilot = pilot_at("issued")
    told = {"replaced": facts(pilot, 1), "withdrawn": [], "reason": "returned", "text": "x"}
    return pilot, dict(pilot.registry.propose("restatement", **told).content)


def test_the_report_concerned_is_named_once_with_what_comes_out(content):
    """Two issuers sign figures anyone computes again."""
    pilot, told = content
    (entry,) = told["reports"]
    for code, changes in (
        ("restatement.differs", {"reports": [entry | {"credits": "0"}]}),
        ("restatement.differs", {"reports": [entry | {"sha256": "0" * 64}]}),
        ("decision.form", {"reports": [entry, entry]}),
        ("decision.form", {"reason": "because"}),
    ):
        refused(code, pilot.decide, "restatement", "x", told | changes, "anne")
    assert pilot.decide("restatement", "x", told, "anne")["state"] == "waiting"


def test_no_report_concerned_is_left_out(content, phone):
    """A restatement that spares one of two reports that share a factor is not taken."""
    pilot, told = content
    pilot.records(phone, 20, first=41)
    pilot.month_to_credits(MONTH, part=1)
    factor = pilot.registry.document(REPORT)["factor_rows"][0]
    spared = told | {"withdrawn": [factor]}
    assert refused(
        "restatement.lacking", pilot.decide, "restatement", "x", spared, "anne"
    ).values["report"] == "phones/2026-10/1"  # fmt: skip


def test_what_was_restated_before_is_taken_into_account(content):
    """Made from a log that does not hold the last one, figures would be those of before it."""
    pilot, told = content
    keys = pilot.keys("anne", "bert")
    pilot.restate(facts(pilot, 2), [], "returned", "y", keys)
    refused("restatement.known", pilot.decide, "restatement", "x", told, "anne")
    third = facts(pilot, 3)
    refused("restatement.known", pilot.restate, third, [], "returned", "z", keys)
    pilot.sequence()
    refused("restatement.known", pilot.decide, "restatement", "x", told, "anne")
    assert pilot.restate(third, [], "returned", "z", keys)["state"] == "done"


def test_a_factor_withdrawn_after_a_report_stops_its_issuance(pilot_at, phone):
    """Otherwise credits would be issued on what everybody knows is wrong."""
    pilot = pilot_at("issued")
    pilot.records(phone, 20, first=41)
    report = pilot.month_to_statement(MONTH, part=1)
    factor = pilot.registry.document(report)["factor_rows"][0]
    restate(pilot, factors=(factor,))
    refused("issuance.corrected", pilot.issue, report)


def test_restating_moves_no_asset_but_its_own(pilot_at):
    """Credits of the report's asset are cancelled; everything adds up afterwards."""
    pilot = pilot_at("issued")
    told = restate(pilot, 1, 2, 3)
    assert all(
        pilot.registry.credits.lookup(int(b["first"]))["asset"] == ASSET for b in told["serials"]
    )
    assert pilot.system.reconcile(lambda *_: None).differences == []
