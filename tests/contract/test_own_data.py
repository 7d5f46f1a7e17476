"""A resident's own data over HTTP: consent, everything in one file, erasure; nobody else's."""

from __future__ import annotations

import csv
import io

import pytest
from litestar.testing import TestClient

from carbon.bootstrap import own_data
from carbon.client import Client
from carbon.domain.roles import Actor, Role
from carbon.web.app import create_app
from people import Phones
from pilot import quiet, refused

NUMBER, OTHER = "13800138001", "13800138002"


@pytest.fixture
def residents(system, monkeypatch, phone):
    """Two residents who have signed in, each the giver of one record."""
    Phones.sent.clear()
    monkeypatch.setattr("carbon.bootstrap.accounts.Accounts._sender", Phones())
    system.record(phone(1, giver=NUMBER, note="=cmd"))
    system.record(phone(2, giver=OTHER))
    with TestClient(create_app(system)) as http:

        def signed_in(number):
            client = Client("", http=http)
            client.send("PUT", f"/codes/code-{number}", json={"phone": number})
            sent = dict(Phones.sent)
            client.sign_in_by_code(number, sent[number])
            return client

        signed_in.http = http
        yield signed_in


def test_everything_known_of_a_person_is_taken_along_at_once(residents):
    """P3: as JSON and as a table; of the other one nothing."""
    told = residents(NUMBER).get("/me/data")
    assert [record["record_id"] for record in told["records"]] == ["r1"]
    assert told["records"][0]["er_g"] > 0
    assert told["account"]["role"] == "resident"
    assert told["sessions"]
    assert {event["event"] for event in told["events"]}
    assert told["consent"] is None
    content = residents(OTHER).file("/me/data/records").decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(content))
    assert (row["record_id"], row["act"]) == ("r2", "sale")


@pytest.mark.parametrize("path", ["/me/data", "/me/data/records", "/records/r1/receipt"])
def test_no_cache_keeps_what_is_somebodys(residents, system, path):
    system.sequence(quiet)
    client = residents(NUMBER)
    if path.endswith("receipt"):
        (record,) = client.get("/records")["items"]
        path = f"/records/{record['fact']}/receipt"
    answer = client.send("GET", path)
    assert answer.headers["cache-control"] == "no-store"


def test_more_than_can_be_taken_along_says_so(residents, monkeypatch):
    monkeypatch.setattr(own_data, "_MOST", 1)
    refused("export.too_large", residents(NUMBER).get, "/me/data")


def test_a_choice_holds_until_the_next_one(residents):
    """P2: as easily taken back as given."""
    client = residents(NUMBER)
    assert client.get("/me/consent") == {"consent": None}
    for mode in ("kept", "pooled"):
        client.send("PUT", "/me/consent", json={"mode": mode, "version": "2026-11"})
        assert client.get("/me/consent")["consent"] == {"mode": mode, "version": "2026-11"}
    wrong = {"json": {"mode": "sold", "version": "1"}}
    refused("consent.mode", client.send, "PUT", "/me/consent", **wrong)
    assert residents(OTHER).get("/me/consent") == {"consent": None}


def test_a_person_is_erased_after_a_fresh_proof_and_proofs_stand(residents, system, clock):
    """P4: the account is gone at once, the record is nobody's, the log still checks."""
    system.sequence(quiet)
    client = residents(NUMBER)
    refused("access.step_up", client.send, "DELETE", "/me")
    clock.move(minutes=1)
    Phones.sent.clear()
    client.send("PUT", "/codes/code-again", json={"phone": NUMBER})
    client.step_up(Phones.sent[0][1])
    client.send("DELETE", "/me")
    refused("access.session", client.get, "/me/data")
    assert [r["record_id"] for r in residents(OTHER).get("/me/data")["records"]] == ["r2"]
    assert [d.say("en") for d in system.reconcile(quiet).differences] == []


def test_staff_and_systems_have_no_data_of_this_kind(system):
    for role in set(Role) - {Role.RESIDENT}:

        async def authenticate(_, role=role):
            return Actor("a", role, "east", "0" * 32, stepped_up=True)

        with TestClient(create_app(system, authenticate)) as http:
            refused("access.denied", Client("", http=http).get, "/me/data")
