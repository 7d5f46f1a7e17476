"""`carbon account …` as operators type it: nothing is granted without their proofs."""

from __future__ import annotations

import json
import re

import pyotp
import pytest
from litestar.testing import TestClient

from carbon.adapters.clock import SetClock
from carbon.bootstrap.system import System
from carbon.cli import store, texts
from carbon.cli.main import run
from carbon.domain.roles import Role
from carbon.settings import Settings
from carbon.web.app import create_app
from conftest import environment_of
from people import PASSWORD, Person

FIRST = ("account", "bootstrap", "li", "Li Lei", "han", "Han Meimei")
MINUTES = [f"2026-11-23T12:{minute:02}:00" for minute in range(60)]


@pytest.fixture
def carbon(home, monkeypatch, capsys):
    """Runs a command a minute later than the one before, typing what is asked for."""
    for name, value in environment_of(home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CARBON_DEMONSTRATION", "1")
    monkeypatch.setenv("COLUMNS", "160")
    opened, minutes = [], iter(MINUTES)

    def fresh():
        texts.settings.cache_clear()
        store.system.cache_clear()

    def type_(*words, typed=(), fails=0, lang="en", json_=True, as_=None):
        now = next(minutes)
        monkeypatch.setenv("CARBON_LANG", lang)
        monkeypatch.setenv("CARBON_NOW", now)
        fresh()
        if as_ is not None:
            typed = (PASSWORD, pyotp.TOTP(as_.secret).at(SetClock(now).now()))
            words = (*words, "--as", as_.id)
        answers = iter(typed)
        monkeypatch.setattr("carbon.cli.account.typer.prompt", lambda *_, **__: next(answers))
        status = run([*words, *["--json"] * json_])
        opened.append(store.system())
        told = capsys.readouterr()
        assert status == fails, (words, told.out, told.err)
        assert list(answers) == []
        if fails or not json_:
            return told.err if fails else told.out
        return [json.loads(line) for line in told.out.splitlines()]

    yield type_
    for system in opened:
        system.close()
    fresh()


@pytest.fixture
def both(carbon):
    people = []
    for granted in carbon(*FIRST):
        typed = (granted["enrolment"], PASSWORD)
        (told,) = carbon("account", "enrol", granted["id"], typed=typed)
        assert told["secret"] in told["uri"]
        people.append(Person(store.system(), granted["id"], told["secret"]))
    return people


def test_accounts_by_commands(carbon, both):
    """Bootstrap, enrol, create, approve, key, freeze, unfreeze, end, list."""
    one, other = both
    assert "account.bootstrapped" in carbon(*FIRST, fails=3)
    wanted = ("account", "create", "dock", "--role", "station", "--organisation", "zhuan")
    (made,) = carbon(*wanted, as_=one)
    assert made["status"] == "pending"
    (same,) = carbon("account", "approve", "dock", as_=one)
    assert (same["status"], same["enrolment"]) == ("pending", None)
    (granted,) = carbon("account", "approve", "dock", as_=other)
    assert granted["status"] == "active"
    (key,) = carbon("account", "key", "dock", "dock-1", as_=one)
    assert len(bytes.fromhex(key["secret"])) == 32
    (second,) = carbon("account", "key", "dock", "dock-2", "--replaces", "dock-1", as_=other)
    assert second["secret"] != key["secret"]
    carbon("account", "end-key", "dock", "dock-2", as_=one, json_=False)
    (frozen,) = carbon("account", "freeze", "dock", as_=one)
    assert frozen["status"] == "frozen"
    carbon("account", "unfreeze", "dock", as_=one)
    (again,) = carbon("account", "unfreeze", "dock", as_=other)
    assert again["enrolment"] != granted["enrolment"]
    (ended,) = carbon("account", "end", "dock", as_=one)
    assert ended["status"] == "ended"
    (listed,) = carbon("account", "list")
    assert [(a["id"], a["status"]) for a in listed] == [
        ("dock", "ended"),
        ("han", "active"),
        ("li", "active"),
    ]
    assert "zhuan" in carbon("account", "list", json_=False, lang="zh")


def test_nothing_is_granted_without_a_proof(carbon, both):
    for typed in ((PASSWORD, "000000"), ("not the password", "000000")):
        words = ("account", "freeze", "han", "--as", "li")
        assert "access.refused" in carbon(*words, typed=typed, fails=3)
    (listed,) = carbon("account", "list")
    assert {account["status"] for account in listed} == {"active"}


def test_a_demonstration_has_an_account_of_every_role(carbon, home):
    told = carbon("account", "demo")
    assert {one["role"] for one in told} == set(Role)
    assert carbon("account", "demo") == told, "they stay the same"
    clock = SetClock("2026-11-23T12:50:00")
    environment = {**environment_of(home), "CARBON_DEMONSTRATION": "1"}
    system = System(Settings.read(environment), clock)
    for one in told:
        if "password" in one:
            code = pyotp.TOTP(one["secret"]).at(clock.now())
            signed_in = system.accounts.sign_in(one["id"], one["password"], code, "")
            assert signed_in.account.role == one["role"]
        if "key" in one:
            assert system.accounts.signing_key(one["key"]).secret.hex() == one["key_secret"]
    with TestClient(create_app(system), base_url="https://testserver.local") as client:
        assert "还没有短信" in client.get("/demo/accounts").text
        client.put("/api/v1/codes/code-0001", json={"phone": told[0]["phone"]})
        page = client.get("/demo/accounts").text
        assert told[0]["phone"] in page
        code = re.search(rf"{told[0]['phone']} · <code>([0-9]{{6}})</code>", page)[1]
        body = {"kind": "code", "phone": told[0]["phone"], "code": code}
        assert client.post("/api/v1/sessions", json=body).status_code == 201


def test_nowhere_else(carbon, monkeypatch, system):
    monkeypatch.setenv("CARBON_DEMONSTRATION", "0")
    assert "account.demonstration" in carbon("account", "demo", fails=3)
    with TestClient(create_app(system), base_url="https://testserver.local") as client:
        assert client.get("/demo/accounts").status_code == 404
