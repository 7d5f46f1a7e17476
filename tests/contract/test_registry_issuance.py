"""登记: once, of what was verified, by two people who did not verify (TRUST S4, V5; DESIGN step 6)."""

from __future__ import annotations

import threading

import pytest

from carbon.domain.errors import CarbonError
from pilot import ASSET, MONTH, REPORT, refused

pytestmark = pytest.mark.doors


def test_whole_kilograms_are_issued_and_the_buffer_set_aside(pilot_at):
    """343,770 g verified × 283,460 / 458,360 (the 33rd percentile) = 212,595 g.

    212 credits and 595 g carried; 5 % of 212 rounded up are 11 for the buffer, 201 for the owner.
    """
    pilot = pilot_at("issued")
    with pilot.registry.reading() as decisions:
        effect = decisions.find("issuance", REPORT).decision.effect
    document = pilot.registry.document(REPORT)
    assert document["uncertainty"]["percentiles_g"]["p33"] == "283460"
    assert effect["issuable_g"] == str(343_770 * 283_460 // 458_360) == "212595"
    assert (effect["credits"], effect["buffer"], effect["carry_out_g"]) == ("212", "11", "595")
    assert effect["serials"] == [
        {"account": "holder/zhuan", "first": "1", "last": "201"},
        {"account": "buffer", "first": "202", "last": "212"},
    ]
    assert pilot.registry.credits.holdings("zhuan") == [
        {"asset": ASSET, "free": 201, "serials": ["HD-000000000001–HD-000000000201"]}
    ]
    assert pilot.registry.credits.lookup(202)["account"] == "buffer"
    refused("serial.unknown", pilot.registry.credits.lookup, 213)


def test_a_filed_projects_units_are_no_pilot_units(pilot_at):
    """备案 after the report, before issuance: the status is that of the day of issuance."""
    pilot = pilot_at("stated")
    own = {"project": "phones"}
    pilot.decide("validation", "phones", own | {"opinion": "positive"}, "vera")
    pilot.decide("notice", "phones", own, "anne")
    pilot.clock.move(days=14)
    pilot.decide("filing", "phones", own | {"status": "trial", "number": "HD-1"}, "anne", "bert")
    assert pilot.issue()["effect"]["asset"] == "credit/HD-REUSE v1/2026/filed"


def test_nothing_is_issued_without_a_published_statement(pilot_at):
    """Issued ≤ verified: no statement, or one that is in no checkpoint yet, verifies nothing."""
    pilot = pilot_at("drawn")
    refused("issuance.statement", pilot.issue)
    pilot.inspect()
    pilot.state()
    refused("issuance.statement", pilot.issue)
    pilot.sequence()
    assert pilot.issue()["state"] == "done"


def test_not_one_credit_more_than_verified(pilot_at):
    """The number signed is the number computed."""
    pilot = pilot_at("stated")
    for credits_ in ("213", "211", "0"):
        content = {"report": REPORT, "credits": credits_}
        refused("issuance.credits", pilot.decide, "issuance", REPORT, content, "anne")
    content = {"report": REPORT, "credits": "212"}
    refused("decision.id", pilot.decide, "issuance", "phones/2026-10/1", content, "anne")
    refused("decision.form", pilot.decide, "issuance", REPORT, content | {"credits": "-1"}, "anne")


def test_whoever_verified_or_reviewed_does_not_issue(pilot_at):
    """V5: with any key; the database refuses it as well (test_registry_database)."""
    pilot = pilot_at("stated")
    pilot.join("vera-issuer", "phone of vera", ["issuer"], "bureau")
    pilot.join("rita-issuer", "phone of rita", ["issuer"], "bureau")
    content = {"report": REPORT, "credits": "212"}
    for name in ("vera-issuer", "rita-issuer"):
        refused("issuance.verifier", pilot.decide, "issuance", REPORT, content, name)
        refused("issuance.verifier", pilot.decide, "issuance", REPORT, content, "anne", name)
    assert pilot.decide("issuance", REPORT, content, "bert")["state"] == "done"


def test_a_report_is_issued_once(pilot_at):
    """The same call is told the same; nothing is issued twice."""
    pilot = pilot_at("issued")
    before = pilot.registry.credits.holdings("zhuan")
    content = {"report": REPORT, "credits": "212"}
    told = pilot.decide("issuance", REPORT, content, "anne", "bert")
    assert told["effect"]["serials"][0]["first"] == "1"
    assert pilot.registry.credits.holdings("zhuan") == before
    refused(
        "request.conflict", pilot.decide, "issuance", REPORT, content | {"credits": "1"}, "anne"
    )


def test_an_older_report_of_the_month_gives_way_to_a_newer_one(pilot_at):
    """After another report of the same leaves, the first would issue the same records again."""
    pilot = pilot_at("stated")
    pilot.assign()
    pilot.commit()
    pilot.sequence()
    pilot.report()
    refused("issuance.moved", pilot.issue)


def test_a_report_with_a_stale_deficit_is_reported_again(pilot_at, phone):
    """A loss issued meanwhile is owed by the report that was made without it."""
    pilot = pilot_at("stated")
    for number in range(500, 503):
        loss = {"age_years": "4.5", "evidence": "certified_scale", "occurred_on": "2026-09-06"}
        pilot.system.record(phone(number, **loss), project="phones")
    pilot.sequence()
    pilot.month_to_credits("2026-09")
    refused("issuance.moved", pilot.issue)
    effect = pilot.month_to_credits(MONTH, part=1)
    document = pilot.registry.document("phones/2026-10/1")
    assert (document["deficit_in_g"], document["reported_g"]) == ("-3936", str(343_770 - 3_936))
    assert effect["deficit_out_g"] == "0"


def test_a_frozen_owner_is_issued_nothing(pilot_at):
    """Nothing leaves or enters a frozen account."""
    pilot = pilot_at("stated")
    pilot.decide("freeze", "zhuan/1", {"holder": "zhuan", "reason": "asked"}, "anne")
    refused("holding.frozen", pilot.issue)


def test_two_pairs_of_issuers_at_once_issue_once(pilot_at):
    """Whoever comes second is told what was done; serials are given once."""
    pilot = pilot_at("stated")
    pilot.join("carl", "phone of carl", ["issuer"], "bureau")
    pilot.join("dora", "phone of dora", ["issuer"], "bureau")
    told: list[object] = []
    start = threading.Barrier(2)

    def issue(*names: str) -> None:
        start.wait(10)
        try:
            told.append(pilot.registry.sign(pilot.keys(*names), "issuance", report=REPORT))
        except CarbonError as error:
            told.append(error.code)

    threads = [
        threading.Thread(target=issue, args=pair) for pair in (("anne", "bert"), ("carl", "dora"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [answer for answer in told if isinstance(answer, dict)]
    assert done, told
    assert all(answer == done[0] for answer in done)
    assert {code for code in told if isinstance(code, str)} <= {"decision.role", "store.raced"}
    assert pilot.registry.credits.holdings("zhuan")[0]["free"] == 201
    assert [w.id for w in pilot.registry.waiting()] == []
