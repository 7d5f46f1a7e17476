"""Accounts over HTTP: who is let in, by cookie, token or signature, and who is not."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from carbon.domain.access import MAX_FAILURES
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Role
from carbon.web.app import create_app
from carbon.web.authentication import Authenticator, Nonces
from carbon.web.limits import RATES
from people import PASSWORD, Phones, admitted, enrolled, header, operators, signed

API = "/api/v1"
SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def both(system):
    return operators(system)


@pytest.fixture
def client(system):
    return browser(system)


def browser(system, scheme="https"):
    app = create_app(system, Authenticator(system))
    return TestClient(app, base_url=f"{scheme}://testserver.local", raise_server_exceptions=False)


def sign_in(client, person, *, headers=None, **more):
    body = {"kind": "password", "account": person.id, "password": person.password}
    body |= {"code": person.code()} | more
    return client.post(f"{API}/sessions", json=body, headers=headers or {})


def bearer(client, person, *, stepped_up=False):
    token = sign_in(client, person).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    if stepped_up:
        told = client.post(
            f"{API}/sessions/current/step-up", json={"code": person.code()}, headers=headers
        )
        assert told.status_code == 200, told.text
    return headers


def problem(answer, status, code):
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")


# --- tokens and cookies ---------------------------------------------------------------------------


def test_who_asks_is_told(client, both):
    problem(client.get(f"{API}/me"), 401, "access.anonymous")
    headers = bearer(client, both[0])
    assert client.get(f"{API}/me", headers=headers).json() == {
        "account": "li",
        "role": "operator",
        "organisation": "platform",
        "stepped_up": False,
    }
    assert "set-cookie" not in client.get(f"{API}/me", headers=headers).headers


def test_a_wrong_token_is_refused_on_public_operations_too(client):
    for path in (f"{API}/me", f"{API}/methodologies", "/health/live"):
        answer = client.get(path, headers={"authorization": "Bearer nonsense"})
        problem(answer, 401, "access.session")


@pytest.mark.parametrize("given", ["Basic YTpi", "bearer x", "HMAC x", ""])
def test_what_is_no_proof_of_ours_is_nobody(client, given):
    problem(client.get(f"{API}/me", headers={"authorization": given}), 401, "access.anonymous")


@pytest.mark.parametrize(
    ("scheme", "name", "secure"), [("https", "__Host-carbon", True), ("http", "carbon", False)]
)
def test_a_browser_gets_a_cookie_no_script_reads(system, both, scheme, name, secure):
    client = browser(system, scheme)
    answer = sign_in(client, both[0], headers=SAME, cookie=True)
    assert answer.json()["token"] is None
    told = answer.headers["set-cookie"]
    assert told.startswith(f"{name}=")
    parts = {part.strip().lower() for part in told.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= parts
    assert ("secure" in parts) is secure
    assert not any(part.startswith("domain") for part in parts)
    assert client.get(f"{API}/me").json()["account"] == "li"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"origin": "https://testserver.local"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://testserver.local"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://testserver.local"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, False),
    ],
)
def test_a_cookie_acts_on_pages_of_ours_only(client, both, headers, passes):
    problem(sign_in(client, both[0], cookie=True), 403, "access.origin")
    assert sign_in(client, both[0], headers=SAME, cookie=True).status_code == 201
    assert client.get(f"{API}/me", headers={"sec-fetch-site": "cross-site"}).status_code == 200
    answer = client.post(f"{API}/accounts/han/freeze", headers=headers)
    if passes:
        assert answer.status_code == 200
    else:
        problem(answer, 403, "access.origin")
        with pytest.raises(CarbonError):
            raise CarbonError(answer.json()["code"])


def test_a_session_cannot_be_fixed_beforehand(client, both):
    """The token is always the server's own; the one a browser came with ends."""
    client.cookies.set("__Host-carbon", "chosen-by-somebody", domain="testserver.local")
    first = sign_in(client, both[0], headers=SAME, cookie=True)
    token = first.cookies["__Host-carbon"]
    assert token != "chosen-by-somebody"
    again = sign_in(client, both[0], headers=SAME, cookie=True)
    assert again.cookies["__Host-carbon"] != token
    problem(
        client.get(f"{API}/me", headers={"authorization": f"Bearer {token}"}), 401, "access.session"
    )


def test_a_cookie_of_an_ended_session_is_nobody(client, both, clock):
    sign_in(client, both[0], headers=SAME, cookie=True)
    clock.move(minutes=15)
    problem(client.get(f"{API}/me"), 401, "access.anonymous")
    assert client.get("/health/live").status_code == 200


def test_signing_out_takes_the_cookie_away(client, both):
    sign_in(client, both[0], headers=SAME, cookie=True)
    answer = client.delete(f"{API}/sessions/current", headers=SAME)
    assert answer.status_code == 204
    assert "max-age=0" in answer.headers["set-cookie"].lower()
    assert answer.headers["clear-site-data"] == '"cache"'
    problem(client.get(f"{API}/me"), 401, "access.anonymous")


def test_own_sessions_and_nobody_elses(client, both):
    one, other = bearer(client, both[0]), bearer(client, both[1])
    (shown,) = client.get(f"{API}/sessions", headers=one).json()["items"]
    assert shown["current"]
    problem(client.delete(f"{API}/sessions/{shown['id']}", headers=one), 403, "access.step_up")
    for headers, person in ((one, both[0]), (other, both[1])):
        body = {"code": person.code()}
        client.post(f"{API}/sessions/current/step-up", json=body, headers=headers)
    assert client.delete(f"{API}/sessions/{shown['id']}", headers=other).status_code == 204
    assert client.get(f"{API}/me", headers=one).status_code == 200
    assert client.delete(f"{API}/sessions/{shown['id']}", headers=one).status_code == 204
    problem(client.get(f"{API}/me", headers=one), 401, "access.session")


def test_refusals_are_the_same_bytes(client, both, system):
    """Wrong password, wrong code, nobody, not enrolled, frozen: nothing tells which."""
    admitted(system, both, Role.ISSUER, "waiting")
    frozen = enrolled(system, admitted(system, both, Role.ISSUER, "frozen"))
    system.accounts.freeze(both[0].actor(), "frozen")
    asked = [
        {"account": "li", "password": "wrong password", "code": both[0].code()},
        {"account": "li", "password": PASSWORD, "code": "000000"},
        {"account": "nobody", "password": PASSWORD, "code": "123456"},
        {"account": "waiting", "password": PASSWORD, "code": "123456"},
        {"account": "frozen", "password": PASSWORD, "code": frozen.code()},
    ]
    answers = [client.post(f"{API}/sessions", json={"kind": "password"} | one) for one in asked]
    assert {answer.content for answer in answers} == {answers[0].content}
    problem(answers[0], 401, "access.refused")


def test_a_locked_account_says_when_to_come_back(client, both):
    body = {"kind": "password", "account": "li", "password": "wrong password", "code": "000000"}
    for _ in range(MAX_FAILURES):
        problem(client.post(f"{API}/sessions", json=body), 401, "access.refused")
    answer = client.post(f"{API}/sessions", json=body)
    problem(answer, 429, "access.locked")
    assert answer.headers["retry-after"] == "900"


def test_a_password_is_changed_and_enrolment_is_by_token(client, both, system):
    headers = bearer(client, both[0])
    change = {"old": PASSWORD, "new": "a second long one"}
    assert client.put(f"{API}/me/password", json=change, headers=headers).status_code == 204
    granted = admitted(system, both, Role.MERCHANT, "shop")
    body = {"account": "shop", "token": granted.enrolment, "password": "short"}
    problem(client.post(f"{API}/enrolments", json=body), 422, "password.length")
    told = client.post(f"{API}/enrolments", json=body | {"password": PASSWORD}).json()
    assert told["secret"] in told["uri"]


def test_a_resident_signs_in_by_code(client, system):
    sent = Phones.sent
    sent.clear()
    accounts = system.accounts
    accounts.__dict__["_access"] = replace(accounts._access, sender=Phones())
    asked = client.put(f"{API}/codes/code-0001", json={"phone": "13800138000"})
    assert asked.status_code == 202, asked.text
    again = client.put(f"{API}/codes/code-0001", json={"phone": "13800138000"})
    assert again.json() == asked.json()
    problem(
        client.put(f"{API}/codes/code-0001", json={"phone": "13800138001"}), 409, "request.conflict"
    )
    body = {"kind": "code", "phone": "13800138000", "code": sent[0][1]}
    token = client.post(f"{API}/sessions", json=body).json()["token"]
    me = client.get(f"{API}/me", headers={"authorization": f"Bearer {token}"}).json()
    assert me["role"] == "resident"
    for number in (2, 3):
        client.put(f"{API}/codes/code-000{number}", json={"phone": "13800138000"})
    answer = client.put(f"{API}/codes/code-0004", json={"phone": "13800138000"})
    problem(answer, 429, "code.limit")
    assert answer.headers["retry-after"] == "600"


def test_nothing_is_sent_without_a_sender(client):
    answer = client.put(f"{API}/codes/code-0001", json={"phone": "13800138000"})
    problem(answer, 503, "code.sender")


def test_nothing_has_a_nul_in_its_address(client, both):
    headers = bearer(client, both[0])
    answer = client.get(f"{API}/accounts/l%00i", headers=headers)
    problem(answer, 404, "request.unknown_path")
    problem(client.get(f"{API}/accounts/l%00i"), 401, "access.anonymous")


# --- signed requests ------------------------------------------------------------------------------


@pytest.fixture
def keyed(system, both):
    admitted(system, both, Role.STATION, "dock")
    return system.accounts.make_key(both[0].actor(), "dock", "dock-1")


def send(client, request, body=b"", url=None):
    return client.request(
        request.method,
        url or request.target,
        content=body,
        headers={"authorization": header(request), "content-type": "application/json"},
    )


def test_a_station_signs_what_it_sends(client, system, keyed, phone):
    body = json.dumps({"cells": phone(1)}).encode()
    request = signed(system, "dock-1", keyed, "PUT", f"{API}/records/r1?x=%20y", body)
    answer = send(client, request, body)
    assert answer.status_code == 200, answer.text
    problem(send(client, request, body), 401, "access.replayed")
    again = signed(system, "dock-1", keyed, "PUT", f"{API}/records/r1?x=%20y", body)
    assert send(client, again, body).json() == answer.json(), "the same id has one effect"


@pytest.mark.parametrize("sent", [b'{"cells": {}}', b"", b'{"cells": {"item_type": "phone"} }'])
def test_another_body_than_the_signed_one_does_nothing(client, system, keyed, phone, sent):
    body = json.dumps({"cells": phone(1)}).encode()
    request = signed(system, "dock-1", keyed, "PUT", f"{API}/records/r1", body)
    problem(send(client, request, sent), 401, "access.signature")
    with system.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM fact").scalar() == 0


def test_another_address_or_time_than_the_signed_one_is_refused(client, system, keyed):
    request = signed(system, "dock-1", keyed, "GET", f"{API}/records")
    problem(send(client, request, url=f"{API}/records?limit=1"), 401, "access.signature")
    problem(
        send(client, replace(request, method="POST"), b"", f"{API}/records"),
        401,
        "access.signature",
    )
    old = str(int(system.clock.now().timestamp()) - 301)
    stale = signed(system, "dock-1", keyed, "GET", f"{API}/records", timestamp=old)
    answer = send(client, stale)
    problem(answer, 401, "access.stale")
    assert "2026-11-23T04:00:00+00:00" in answer.json()["detail"]


@pytest.mark.parametrize(
    "given",
    [
        "HMAC-SHA256 ",
        "HMAC-SHA256 key=dock-1",
        "HMAC-SHA256 key=dock-1,ts=1,nonce=00,digest=00,sig=00",
        "HMAC-SHA256 key=DOCK,ts=99999999999999,nonce=" + "0" * 16,
        "HMAC-SHA256 " + "x" * 8000,
    ],
)
def test_a_signature_has_one_form(client, keyed, given):
    answer = client.get(f"{API}/me", headers={"authorization": given})
    problem(answer, 401, "access.signature")


def test_a_frozen_station_is_out_at_once(client, system, both, keyed):
    url = f"{API}/me"
    assert send(client, signed(system, "dock-1", keyed, "GET", url)).status_code == 200
    system.accounts.freeze(both[0].actor(), "dock")
    problem(send(client, signed(system, "dock-1", keyed, "GET", url)), 401, "access.signature")


def test_a_key_has_no_session(client, system, keyed):
    request = signed(system, "dock-1", keyed, "GET", f"{API}/sessions")
    problem(send(client, request), 401, "access.session")


def test_wrong_proofs_are_counted_by_address(client):
    """Who guesses tokens or signatures is slowed down like anybody else."""
    wrong = {"authorization": "Bearer nonsense"}
    codes = [client.get(f"{API}/me", headers=wrong) for _ in range(int(RATES["address"][1]) + 60)]
    assert [a.status_code for a in codes].count(429) > 0


def test_nonces_that_arrive_together_are_noted_together():
    noted = []

    def admit(seen):
        noted.append(list(seen))
        return set(seen)

    async def ask():
        nonces = Nonces(admit)
        one, other = ("k", "1"), ("k", "2")
        return await asyncio.gather(*(nonces.is_new(n) for n in (one, other, one, other, one)))

    assert asyncio.run(ask()) == [True, True, False, False, False]
    assert len(noted) == 1


def test_a_fault_of_the_store_reaches_everyone_who_waits():
    def admit(_):
        raise CarbonError("store.unavailable", reason="gone")

    async def ask():
        nonces = Nonces(admit)
        asked = (nonces.is_new(("k", str(n))) for n in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    assert [error.code for error in asyncio.run(ask())] == ["store.unavailable"] * 3


def test_nonces_do_not_wait_without_number(monkeypatch):
    monkeypatch.setattr("carbon.web.authentication._WAITING", 2)

    async def ask():
        nonces = Nonces(set)
        asked = (nonces.is_new(("k", str(n))) for n in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    *let_in, refused = asyncio.run(ask())
    assert let_in == [True, True]
    assert refused.code == "access.busy"


# --- operators ------------------------------------------------------------------------------------


def test_accounts_are_managed_over_http(client, both):
    one, other = (bearer(client, person, stepped_up=True) for person in both)
    wanted = {"role": "station", "organisation": "zhuan"}
    made = client.put(f"{API}/accounts/dock", json=wanted, headers=one)
    assert made.json()["status"] == "pending"
    assert client.put(f"{API}/accounts/dock", json=wanted, headers=one).json() == made.json()
    answer = client.put(
        f"{API}/accounts/dock", json=wanted | {"role": "issuer", "identity": "x"}, headers=one
    )
    problem(answer, 409, "request.conflict")
    assert client.post(f"{API}/accounts/dock/approve", headers=one).json()["enrolment"] is None
    granted = client.post(f"{API}/accounts/dock/approve", headers=other).json()
    assert (granted["account"]["status"], granted["account"]["approvals"]) == ("active", 2)
    assert granted["enrolment"]
    key = client.put(f"{API}/accounts/dock/keys/dock-1", json={}, headers=one)
    assert len(bytes.fromhex(key.json()["secret"])) == 32
    assert client.put(f"{API}/accounts/dock/keys/dock-1", json={}, headers=one).json() == key.json()
    (shown,) = client.get(f"{API}/accounts/dock/keys", headers=one).json()["items"]
    assert "secret" not in shown
    assert client.delete(f"{API}/accounts/dock/keys/dock-1", headers=one).status_code == 204
    assert client.post(f"{API}/accounts/dock/freeze", headers=one).json()["status"] == "frozen"
    problem(client.post(f"{API}/accounts/dock/approve", headers=one), 409, "account.state")
    assert (
        client.post(f"{API}/accounts/dock/unfreeze", headers=one).json()["account"]["approvals"]
        == 1
    )
    assert client.post(f"{API}/accounts/dock/unfreeze", headers=other).json()["enrolment"]
    assert client.post(f"{API}/accounts/dock/end", headers=one).json()["status"] == "ended"
    problem(client.get(f"{API}/accounts/none", headers=one), 404, "account.unknown")


def test_accounts_and_events_are_listed_page_by_page(client, both, system):
    headers = bearer(client, both[0])
    for number in range(3):
        admitted(system, both, Role.STATION, f"dock-{number}")
    seen, cursor = [], ""
    while cursor is not None:
        got = client.get(f"{API}/accounts?limit=2&cursor={cursor}", headers=headers).json()
        seen += [account["id"] for account in got["items"]]
        cursor = got["next"]
    assert seen == ["dock-0", "dock-1", "dock-2", "han", "li"]
    events, cursor = [], ""
    while cursor is not None:
        got = client.get(
            f"{API}/security-log?account=dock-0&limit=1&cursor={cursor}", headers=headers
        ).json()
        events += [(event["event"], event["actor"]) for event in got["items"]]
        cursor = got["next"]
    assert events == [("approved", "han"), ("created", "li")]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/accounts/x", {"role": "station", "organisation": "zhuan"}),
        ("POST", "/accounts/x/approve", None),
        ("POST", "/accounts/x/unfreeze", None),
        ("POST", "/accounts/x/end", None),
        ("PUT", "/accounts/x/keys/k", {}),
    ],
)
def test_what_grants_needs_a_step_up(client, both, method, path, body):
    answer = client.request(method, f"{API}{path}", json=body, headers=bearer(client, both[0]))
    problem(answer, 403, "access.step_up")


def test_nobody_but_operators_manages_accounts(client, both, system):
    for role in (Role.ENTERPRISE, Role.ISSUER, Role.VERIFIER, Role.COMMERCE, Role.MERCHANT):
        person = enrolled(system, admitted(system, both, role, f"a-{role}"))
        headers = bearer(client, person, stepped_up=True)
        for method, path in (
            ("PUT", "/accounts/x"),
            ("GET", "/accounts"),
            ("POST", "/accounts/li/freeze"),
            ("GET", "/accounts/li/keys"),
            ("GET", "/security-log"),
        ):
            problem(
                client.request(method, f"{API}{path}", json={}, headers=headers),
                403,
                "access.denied",
            )


def test_no_proof_is_in_any_log(client, both, system, keyed, caplog):
    caplog.set_level(0)
    answer = sign_in(client, both[0])
    send(client, signed(system, "dock-1", keyed, "GET", f"{API}/me"))
    problem(
        send(client, signed(system, "dock-1", "00" * 32, "GET", f"{API}/me")),
        401,
        "access.signature",
    )
    for secret in (answer.json()["token"], PASSWORD, keyed, both[0].secret, *both[0].used):
        assert secret not in caplog.text
