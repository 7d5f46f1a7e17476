"""Who may decide: two people, each with a role and a key of their own (TRUST S4, DESIGN 14)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from carbon.bootstrap.registrar import _signature
from carbon.bootstrap.system import System
from carbon.domain.credit.decision import KINDS, digest
from carbon.services.registry import decide as deciding
from carbon.services.registry.decide import decide
from pilot import DESIGN, PEOPLE, Pilot, refused

pytestmark = pytest.mark.doors

END = {"keys": ["0" * 64], "reason": "left"}


def test_the_first_issuers_vouch_for_one_another(system, tmp_path):
    """Two different issuers are in the first registration and sign it; one person is not enough."""
    pilot = Pilot(system, tmp_path)
    cards = [
        pilot.registry.enrol(pilot.key(name), "one phone", ["issuer"], "bureau")
        for name in ("anne", "anne2")
    ]
    assert cards[0]["person"] == cards[1]["person"], "one identity is one person"
    refused("member.first", pilot.decide, "member", "first", {"members": cards}, "anne")
    refused("decision.unknown_key", pilot.decide, "project", "phones", DESIGN, "anne")
    other = pilot.registry.enrol(pilot.key("bert"), "phone of bert", ["issuer"], "bureau")
    told = pilot.decide("member", "first", {"members": [cards[0], other]}, "anne")
    assert (told["state"], told["signatures"], told["needed"]) == ("waiting", 1, 2)
    assert (
        pilot.decide("member", "first", {"members": [cards[0], other]}, "bert")["state"] == "done"
    )


def test_two_keys_of_one_person_are_one_person(pilot_at):
    """A second key under the same identity does not make a second signer (S4)."""
    pilot = pilot_at("enrolled")
    pilot.join("anne2", "phone of anne", ["issuer"], "bureau")
    content = {"holder": "zhuan", "reason": "asked"}
    pilot.decide("freeze", "zhuan/1", content, "anne")
    refused("decision.same_person", pilot.decide, "unfreeze", "zhuan/1", content, "anne", "anne2")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_signed_by_its_roles_alone(pilot_at, kind):
    """A signature of anybody else is refused before any rule is asked."""
    pilot = pilot_at("enrolled")
    wanted = KINDS[kind].signers[0]
    stranger = next(n for n, (roles, _) in PEOPLE.items() if not wanted & set(roles))
    content = {"x": "y"}
    signed = _signature(digest(kind, "x", content), pilot.key(stranger))
    with pilot.registry.deciding() as context, pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "check_content", lambda *_: None)
        refused("decision.role", decide, context, {}, kind, "x", content, signed)


def test_a_signature_is_over_the_unchanged_content(pilot_at):
    """What somebody signed under one id or content says nothing about another one."""
    pilot = pilot_at("enrolled")
    signed = _signature(digest("member_end", "a", END), pilot.key("anne"))
    for id_, content in (("b", END), ("a", END | {"reason": "lost"})):
        with pilot.registry.deciding() as context:
            refused("decision.signature", decide, context, {}, "member_end", id_, content, signed)


def test_nothing_is_decided_of_an_unknown_kind_or_form(pilot_at):
    """Every decision has one of the published forms."""
    pilot = pilot_at("enrolled")
    refused("decision.kind", pilot.decide, "coup", "x", {}, "anne")
    refused("decision.form", pilot.decide, "freeze", "zhuan/1", {"holder": "zhuan"}, "anne")
    refused(
        "decision.form", pilot.decide, "freeze", "no id", {"holder": "z", "reason": "r"}, "anne"
    )


def test_a_key_is_registered_once_and_its_file_is_not_replaced(pilot_at):
    """A key stands for one person; a lost file is no reason to lose another one."""
    pilot = pilot_at("enrolled")
    card = pilot.join("carl", "phone of carl", ["issuer"], "bureau")
    refused("member.known", pilot.decide, "member", "again", {"members": [card]}, "anne")
    refused("key.exists", pilot.registry.enrol, pilot.key("carl"), "other", ["issuer"], "bureau")
    twice = {"members": [{**card, "key": "1" * 64}, {**card, "key": "1" * 64}]}
    refused("member.known", pilot.decide, "member", "twice", twice, "anne")


def test_an_ended_key_signs_nothing_and_two_issuers_stay(pilot_at):
    """Rotation ends the old key; nobody can leave the registry without two who grant."""
    pilot = pilot_at("enrolled")
    anne = pilot.registry.signer(pilot.key("anne")).key
    own = {"keys": [anne], "reason": "left"}
    refused("member.last", pilot.decide, "member_end", "anne", own, "bert")
    refused("decision.unknown_key", pilot.decide, "member_end", "nobody", END, "anne")
    pilot.leave("gina")
    content = {"holder": "green", "other": "zhuan"}
    refused("decision.unknown_key", pilot.decide, "counterparty", "green/zhuan", content, "gina")
    refused("decision.unknown_key", pilot.registry.signer, pilot.key("gina"))


def test_the_same_call_is_told_the_same(pilot_at):
    """One id is one decision: repeated it is answered, with another content refused (R2)."""
    pilot = pilot_at("enrolled")
    content = {"holder": "zhuan", "reason": "asked"}
    first = pilot.decide("freeze", "zhuan/1", content, "anne")
    assert pilot.decide("freeze", "zhuan/1", content, "anne") == first
    assert pilot.decide("freeze", "zhuan/1", content, "bert") == first, "done, whoever asks"
    other = content | {"reason": "other"}
    refused("request.conflict", pilot.decide, "freeze", "zhuan/1", other, "anne")
    waits = pilot.decide("unfreeze", "zhuan/1", content, "anne")
    assert pilot.decide("unfreeze", "zhuan/1", content, "anne") == waits, "signed once"
    refused("request.conflict", pilot.decide, "unfreeze", "zhuan/1", other, "bert")


def test_what_waits_is_found_by_digest_and_taken_back_by_its_first_signer(pilot_at):
    """Nobody but the submitter takes back; what is done is corrected by a new decision only."""
    pilot = pilot_at("enrolled")
    registry = pilot.registry
    content = {"holder": "zhuan", "reason": "asked"}
    pilot.decide("freeze", "zhuan/1", content, "anne")
    waits = pilot.decide("unfreeze", "zhuan/1", content, "anne")
    refused("decision.unknown", registry.approve, waits["digest"][:7], pilot.key("bert"))
    refused("decision.signature", registry.undo, waits["digest"], pilot.key("bert"))
    assert registry.undo(waits["digest"][:8], pilot.key("anne"))["state"] == "undone"
    refused("decision.unknown", registry.undo, waits["digest"], pilot.key("anne"))
    pilot.decide("unfreeze", "zhuan/1", content, "anne")
    assert registry.approve("zhuan/1", pilot.key("bert"))["state"] == "done"


def test_so_many_decisions_wait_and_no_more(pilot_at, monkeypatch):
    """Every queue has a limit."""
    pilot = pilot_at("enrolled")
    monkeypatch.setattr(deciding, "MAX_WAITING", 1)
    keys = [pilot.registry.signer(pilot.key(name)).key for name in ("rita", "gina")]
    pilot.decide("member_end", "a", {"keys": keys[:1], "reason": "left"}, "anne")
    second = {"keys": keys[1:], "reason": "left"}
    refused("decision.crowded", pilot.decide, "member_end", "b", second, "anne")


def test_a_resident_chooses_between_credits_and_points(pilot_at):
    """Decision 12: kept or pooled, nothing else, and only by somebody who is known."""
    pilot = pilot_at("committed")
    refused("consent.mode", pilot.registry.consent, "giver-1", "sold", "v1")
    refused("person.unknown", pilot.registry.consent, "nobody", "kept", "v1")
    pilot.registry.consent("giver-1", "kept", "v1")


def test_a_moment_to_work_at_is_a_moment(home):
    """CARBON_NOW is for rehearsals; a wrong one is no reason to guess."""
    refused("clock.invalid", System, replace(home, moment="soon"))
