"""Attempts to cheat the registry, each as somebody would make it; what stops them is named."""

from __future__ import annotations

import threading
from hashlib import sha256
from uuid import uuid4

import psycopg
import pytest

from carbon.adapters.store.corrections import Corrections
from carbon.bootstrap.registrar import Registrar
from carbon.bootstrap.system import System
from conftest import FixedClock, a_phone, settings_at, upgraded
from pilot import ASSET, DESIGN, MONTH, REPORT, Pilot, refused


def test_a_corrected_record_is_not_credited_twice(pilot_at):
    """Reported, then replaced by another record, then issued: the old and the new one would count."""
    pilot = pilot_at("stated")
    pilot.system.correct("r1", "entry_error", a_phone(101, item_id="imei-1"))
    refused("issuance.corrected", pilot.issue)
    pilot.sequence()
    refused("issuance.corrected", pilot.issue)


def test_a_correction_that_has_begun_does_not_outlive_an_issuance(pilot_at, monkeypatch):
    """The check that nothing was issued on a record holds at the moment it is corrected."""
    pilot = pilot_at("stated")
    original = Corrections.project_of

    def slow(*arguments):
        found = original(*arguments)
        pilot.issue()
        return found

    monkeypatch.setattr(Corrections, "project_of", slow)
    refused("correction.issued", pilot.system.correct, "r1", "returned")
    monkeypatch.undo()
    refused("correction.issued", pilot.system.correct, "r1", "returned")


def test_an_ended_key_is_not_registered_again(pilot_at):
    """As another person's, it would make that person the author of what the first one signed."""
    pilot = pilot_at("enrolled")
    key = pilot.registry.signer(pilot.key("rita")).key
    pilot.leave("rita")
    card = {"person": "f" * 64, "key": key, "roles": ["owner"], "organisation": "zhuan"}
    refused(
        "member.known", pilot.registry.decide, "member", "again", {"members": [card]},
        pilot.key("anne"),
    )  # fmt: skip


def test_what_an_ended_key_signed_lapses(pilot_at):
    """A stolen key's transfer does not take effect, and what it would have moved is free again."""
    pilot = pilot_at("issued").demonstrating()
    registry = pilot.registry
    before = registry.credits.holdings("zhuan")
    retirement = pilot.retire("r", "zhuan", ASSET, 5, "A.", "event", pilot.keys("otto"))
    assert retirement["state"] == "due"
    pilot.leave("otto")
    assert registry.waiting() == []
    assert registry.credits.holdings("zhuan") == before
    assert pilot.settle() == []


def test_nobody_keeps_an_id_by_a_key_that_is_gone(pilot_at):
    """A decision that waits for its second signature would otherwise wait for ever."""
    pilot = pilot_at("enrolled")
    registry = pilot.registry
    pilot.join("carl", "phone of carl", ["issuer"], "bureau")
    content = {"keys": [registry.signer(pilot.key("rita")).key], "reason": "left"}
    registry.decide("member_end", "rita", content, pilot.key("carl"))
    pilot.leave("carl")
    other = content | {"reason": "rotated"}
    assert pilot.decide("member_end", "rita", other, "anne", "bert")["state"] == "done"


def test_a_digest_names_its_own_decision(pilot_at):
    """An id chosen to be another decision's digest would keep that one from being taken back."""
    pilot = pilot_at("issued").demonstrating()
    registry = pilot.registry
    mine = pilot.retire("mine", "zhuan", ASSET, 5, "A.", "event", pilot.keys("otto"))
    pilot.retire(mine["digest"], "zhuan", ASSET, 1, "B.", "event", pilot.keys("otto"))
    assert registry.undo(mine["digest"], pilot.key("otto"))["id"] == "mine"


def test_a_verifier_of_the_owners_is_known_by_any_key(pilot_at):
    """A person who acts for the owner too stays the owner's, whichever key came last."""
    pilot = pilot_at("enrolled")
    registry = pilot.registry
    pilot.join("vera2", "phone of vera", ["owner"], "zhuan")
    pilot.join("vera3", "phone of vera", ["verifier"], "verity")
    refused("independence.conflict", pilot.assign)
    content = {"project": "phones", "opinion": "positive"}
    refused(
        "independence.conflict", registry.decide, "validation", "phones", content, pilot.key("vera")
    )


def test_a_conflict_that_is_found_later_stops_the_statement(pilot_at):
    """Independence holds when the statement is signed, not only when the verifier was chosen."""
    pilot = pilot_at("drawn")
    pilot.inspect()
    named = {"person": pilot.person("vera")}
    pilot.conflict("phones", named, "shares", pilot.key("anne"))
    refused("independence.conflict", pilot.state)


def test_rotation_counts_months_in_whatever_order_they_are_assigned(pilot_at):
    """Backwards, every month would be the first of its run."""
    pilot = pilot_at("enrolled")
    for month in ("2026-09", "2026-08", "2026-07"):
        pilot.assign(month)
    refused("independence.rotation", pilot.assign, "2026-06")
    refused("independence.rotation", pilot.assign, "2026-10")


def test_one_id_retires_for_one_beneficiary(pilot_at):
    """The same id with another name is another decision, not an answer about the first."""
    pilot = pilot_at("issued").demonstrating()
    registry = pilot.registry
    retire = ("r", "zhuan", ASSET, 5)
    first = pilot.retire(*retire, "A.", "event", pilot.keys("otto"))
    assert pilot.retire(*retire, "A.", "event", pilot.keys("otto")) == first
    refused("request.conflict", pilot.retire, *retire, "B.", "event", pilot.keys("otto"))
    pilot.settle()
    refused("request.conflict", pilot.retire, *retire, "B.", "event", pilot.keys("otto"))
    assert registry.credits.private("r")["beneficiary"] == "A."


def test_a_certificate_names_whom_the_log_names(pilot_at):
    """What is kept of a beneficiary is what the published digest is of."""
    pilot = pilot_at("issued").demonstrating()
    salt = "00" * 32
    content = {
        "asset": ASSET,
        "holder": "zhuan",
        "credits": "5",
        "beneficiary_sha256": sha256(bytes.fromhex(salt) + b"A.").hexdigest(),
        "purpose": "event",
    }
    private = {"beneficiary": "B.", "salt": salt}
    decide = pilot.registry.decide
    refused("decision.form", decide, "retirement", "r", content, pilot.key("otto"), private)
    private["beneficiary"] = "A."
    assert decide("retirement", "r", content, pilot.key("otto"), private)["state"] == "due"


def test_two_reveals_at_once_draw_once(pilot_at, monkeypatch):
    """Each side sees the other's nonce only in the transaction: one of them draws all the same."""
    pilot = pilot_at("reported")
    prepare = Registrar._prepare
    both = threading.Barrier(2)

    def together(*arguments):
        found = prepare(*arguments)
        both.wait(10)
        return found

    monkeypatch.setattr(Registrar, "_prepare", together)
    told = []

    def reveal(name):
        nonce = pilot.folder / f"{name}-{MONTH}.nonce"
        told.append(pilot.registry.verification.reveal(REPORT, nonce, pilot.key(name)))

    threads = [threading.Thread(target=reveal, args=(name,)) for name in ("vera", "anne")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(answer["effect"]) for answer in told) == [False, True]


@pytest.mark.parametrize("kind", ["issuance", "statement", "reveal", "report", "restatement"])
def test_a_content_without_its_members_is_told_so(pilot_at, kind):
    """Before anything is read for it."""
    pilot = pilot_at("enrolled")
    refused("decision.form", pilot.registry.decide, kind, "x", {}, pilot.key("anne"))


def test_dates_beyond_the_calendar_are_told(pilot_at):
    """No year is so far away that it is a fault of the program."""
    pilot = pilot_at("enrolled")
    far = {"start": "9998-01-01", "crediting": {"from": "9998-01-01", "to": "9998-12-31"}}
    act = pilot.registry.decide, "project", "far", {**DESIGN, **far}, pilot.key("otto")
    refused("project.crediting", *act)


def test_no_language_hides_a_freeze(cluster, tmp_path):
    """Ids are compared by their characters, whatever language PostgreSQL sorts in."""
    name = f"test_{uuid4().hex}"
    sorting = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 {sorting}")
    system = System(upgraded(settings_at(tmp_path / "home", cluster, name)), FixedClock())
    pilot = Pilot(system, tmp_path / "people")
    pilot.reach("enrolled")
    freeze = "freeze", "zhuan/1", {"holder": "zhuan", "reason": "asked"}
    pilot.registry.decide(*freeze, pilot.key("anne"))
    again = pilot.registry.propose("freeze", holder="zhuan", reason="asked")
    assert again.id == "zhuan/2"
    system.close()


def test_a_loss_is_owed_once_however_often_it_is_restated(pilot_at):
    """A second restatement of a report adds what it finds, not what the first one found."""
    pilot = pilot_at("issued").demonstrating()
    registry, keys = pilot.registry, pilot.keys("anne", "bert")
    owed = []
    # All phones but ten come back: nothing is above the baseline of ten.
    for numbers in (range(1, 31), range(31, 33)):
        facts = [registry.restatements.fact_of(f"r{n}", "local") for n in numbers]
        answer = pilot.restate(facts, [], "returned", "came back", keys)
        owed.append(int(answer["effect"]["reports"][0]["owed_g"]))
        pilot.sequence()
    assert owed[1] == 0
