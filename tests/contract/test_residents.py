"""Residents who keep their grams get their share of issued credits (可注销份额), to the unit."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from carbon.domain.errors import CarbonError
from pilot import ASSET, Pilot

SHARES = [{"party": "seller", "bp": 6_000}, {"party": "programme", "bp": 4_000}]


@pytest.fixture
def pilot(system, tmp_path):
    made = Pilot(system, tmp_path)
    made.enrol()
    made.register(kind="programme", shares=SHARES)
    return made


def issued(pilot, phone, choices):
    """A month of forty phones, each of a resident of their own, and what was issued on it."""
    pilot.records(phone, 40)
    for name, mode in choices:
        pilot.registry.consent(name, mode, "1")
    pilot.assign()
    pilot.commit()
    pilot.sequence()
    pilot.report()
    pilot.sequence()
    pilot.reveal()
    pilot.inspect()
    pilot.state()
    pilot.sequence()
    return pilot.issue()["effect"]


def blocks(effect):
    return {s["account"]: int(s["last"]) - int(s["first"]) + 1 for s in effect["serials"]}


def test_the_sellers_share_is_apportioned_by_their_grams(pilot, phone):
    choices = [
        ("giver-1", "kept"),
        ("giver-2", "kept"),
        ("giver-3", "pooled"),
        ("giver-4", "kept"),
        ("giver-4", "pooled"),
    ]
    effect = issued(pilot, phone, choices)
    credits_, buffer = int(effect["credits"]), int(effect["buffer"])
    told = blocks(effect)
    assert sum(told.values()) == credits_
    rows = {}
    for number in range(1, 41):
        place = pilot.registry.restatements.impact(f"r{number}")
        rows[number] = place["er_g"]
    # 60 % of what is not buffered is the sellers'; two of forty keep theirs, by their grams.
    sellers = (credits_ - buffer) * 6_000 / 10_000
    exact = sellers * (rows[1] + rows[2]) / sum(rows.values())
    assert abs(told["residents"] - exact) < 2, "each is at most one unit off"
    assert told["residents"] > 0


def test_their_serials_are_theirs_and_their_names_are_not_told(pilot, phone, home):
    effect = issued(pilot, phone, [("giver-1", "kept"), ("giver-2", "kept")])
    first = next(s for s in effect["serials"] if s["account"] == "residents")["first"]
    with pilot.registry.reading() as decisions:
        (held, *_) = pilot.registry.credits.held([_block(first)])
        assert held.account.startswith("resident/")
        assert decisions.balance(ASSET, held.account) == sum(
            len(b) for b in decisions.blocks(ASSET, held.account)
        )
    assert "resident/" not in str(effect)
    pilot.sequence()
    assert pilot.system.reconcile(lambda *_: None).differences == []


def test_nobody_keeps_anything_in_an_enterprises_project(system, tmp_path, phone):
    pilot = Pilot(system, tmp_path)
    pilot.enrol()
    pilot.register(shares=SHARES)
    assert "residents" not in blocks(issued(pilot, phone, [("giver-1", "kept")]))


def test_a_choice_is_one_of_two_by_somebody_known(pilot, phone):
    pilot.records(phone, 1)
    with pytest.raises(CarbonError, match=re.escape("consent.mode")):
        pilot.registry.consent("giver-1", "sold", "1")
    with pytest.raises(CarbonError, match=re.escape("person.unknown")):
        pilot.registry.consent("nobody", "kept", "1")


def _block(first):
    from carbon.domain.credit.issuance import Block

    return Block(int(first), int(first))


def test_a_beneficiary_is_erased_and_the_retirement_stays(system, tmp_path, phone, clock):
    pilot = Pilot(system, tmp_path)
    system.settings = replace(system.settings, demonstration=True)
    pilot.to_credits(phone)
    pilot.retire("wedding", "zhuan", ASSET, 20, "A. and B.", "event", pilot.keys("otto"))
    with pytest.raises(CarbonError, match=re.escape("certificate.unknown")):
        pilot.registry.papers.certificate("wedding", "zh")
    clock.move(minutes=10)
    pilot.registry.settle()
    with pytest.raises(CarbonError, match=re.escape("certificate.pending")):
        pilot.registry.papers.certificate("wedding", "zh")
    pilot.sequence()
    assert pilot.registry.credits.private("wedding")["beneficiary"] == "A. and B."
    before = pilot.registry.papers.certificate("wedding", "zh")
    pilot.registry.credits.forget("wedding")
    assert pilot.registry.credits.private("wedding") == {"beneficiary": "—", "salt": ""}
    assert pilot.registry.papers.certificate("wedding", "zh") != before
    with pytest.raises(CarbonError, match=re.escape("certificate.unknown")):
        pilot.registry.credits.forget("wedding")
    assert "wedding" in pilot.registry.papers.retired_list()
