"""What browsers, proxies and strangers cannot make the service do (ASVS V3, V4, V13, V14, V16)."""

from __future__ import annotations

import base64
import json
import logging
import re
import typing

import msgspec
import pytest
import uvicorn
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from carbon.adapters.json_log import JsonLines
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.web import server
from carbon.web.app import create_app
from carbon.web.observe import Observe
from people import admitted, enrolled, operators

API = "/api/v1"
#: Words for what only bodies and headers may hold.
SECRETS = {"phone", "password", "token", "secret", "sig", "session_token", "identity"}


@pytest.fixture
def web(system):
    with TestClient(Observe(create_app(system)), raise_server_exceptions=False) as client:
        yield client


def of_role(system, role, **placed):
    async def somebody(_):
        return Actor("somebody", role, **placed)

    return TestClient(Observe(create_app(system, somebody)), raise_server_exceptions=False)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "QUERY"])
def test_methods_nobody_offers_are_refused(web, method):
    answer = web.request(method, f"{API}/projects", headers={"X-Secret": "seen"})
    assert answer.status_code == 405
    assert "seen" not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/assets", "/assets/", "/log/", "/.git/config", "/.env", "/log/%2e%2e/keys/store.key",
     "/log/%252e%252e/keys/store.key", "/assets/..%2fapp.py", "/assets/%00", "/log/%00", "/assets/" + "x" * 256],
)  # fmt: skip
def test_folders_are_not_listed_and_end_where_they_end(web, path):
    answer = web.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "request.unknown_path")


@pytest.mark.parametrize("path", ["/", f"{API}/projects", "/assets/api.js", "/api/openapi.json"])
def test_no_other_origin_reads_answers(web, path):
    """Neither plainly nor after asking first."""
    origin = {"Origin": "https://evil.example"}
    asking = origin | {"Access-Control-Request-Method": "PUT"}
    for answer in (web.get(path, headers=origin), web.options(path, headers=asking)):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/api/docs", "text/html; charset=utf-8"),
        ("/assets/page.css", "text/css; charset=utf-8"),
        ("/assets/api.js", "text/javascript; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        (f"{API}/projects", "application/json"),
        ("/nowhere", "application/problem+json"),
    ],
)
def test_answers_say_what_they_are_and_in_which_letters(web, path, kind):
    assert web.get(path).headers["content-type"] == kind


def test_what_needs_an_account_is_kept_by_no_cache(system):
    """Receipts and one's own data have an ETag, and are not kept for it: test_own_data."""
    with of_role(system, Role.RESIDENT, person="0" * 32) as resident:
        for path, kept in (("/records", "no-store"), ("/me", "no-store"), ("/factors", "no-cache")):
            answer = resident.get(API + path)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, kept), path


def test_no_address_has_a_place_for_a_secret(web):
    """P7: what names or proves somebody is sent in bodies and headers."""
    paths = web.get("/api/openapi.json").json()["paths"]
    named = {
        parameter["name"]
        for item in paths.values()
        for operation in item.values()
        for parameter in operation.get("parameters", [])
    }
    assert "limit" in named
    assert not named & SECRETS


def test_what_is_told_elsewhere_than_in_the_body_is_not_told(web):
    """Each value has one source; a query, a header or a cookie does not stand in for a body."""
    body = {"kind": "password", "account": "li", "password": "x" * 9, "code": "123456"}
    assert web.post(f"{API}/sessions", json=body).json()["code"] == "access.refused"
    web.cookies.update(body)
    answer = web.post(f"{API}/sessions", params=body, headers=body, json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


@pytest.mark.parametrize("wrong", [12345678, ["x" * 9], {"$ne": ""}, True, None])
def test_a_value_of_another_type_is_no_value(web, wrong):
    body = {"kind": "password", "account": "li", "password": wrong, "code": "123456"}
    answer = web.post(f"{API}/sessions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


def bodies(annotation):
    """The structs of a body's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for part in typing.get_args(annotation):
        yield from bodies(part)


def test_no_body_takes_members_it_does_not_name(system):
    """Mass assignment: what a form does not name cannot be set through it."""
    found = [
        struct
        for route in create_app(system).routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "data" in handler.parsed_fn_signature.parameters
        for struct in bodies(handler.parsed_fn_signature.parameters["data"].annotation)
    ]
    assert found
    for struct in found:
        assert struct.__struct_config__.forbid_unknown_fields, struct


def test_a_refusal_is_logged_with_its_code_and_role(system, caplog):
    """Whom it was refused is not told: the reference is what an inquiry begins with (P7)."""
    with of_role(system, Role.RESIDENT, person="0" * 32) as web, caplog.at_level(logging.INFO):
        web.get(f"{API}/accounts/hidden")
        web.post(f"{API}/sessions", json={"kind": "hidden"})
    lines = [JsonLines().format(r) for r in caplog.records if r.name == "carbon.access"]
    denied, invalid = (json.loads(line) for line in lines)
    assert (denied["status"], denied["code"], denied["role"]) == (403, "access.denied", "resident")
    assert (invalid["status"], invalid["code"]) == (400, "request.invalid")
    assert not any("hidden" in line or "somebody" in line for line in lines)


def test_downloads_have_names_of_ours(web):
    """Whatever a client asks for, the name of what it gets is a constant."""
    path = f'{API}/credits/retired.csv?filename=a";x&name=../b'
    assert web.get(path).headers["content-disposition"] == 'attachment; filename="retired.csv"'


def test_tokens_of_sessions_are_chance(system):
    """256 bits each, of which no two are alike and only digests are kept."""
    person = enrolled(system, admitted(system, operators(system), Role.ISSUER, "somebody"))
    tokens = {person.sign_in().token for _ in range(4)}
    assert len(tokens) == 4
    assert {len(base64.urlsafe_b64decode(token + "=")) for token in tokens} == {32}


def test_a_password_is_what_was_typed(system, clock):
    """128 characters count to the last one, with capitals and blanks at its ends, for good."""
    password = " Aa" + "x" * 123 + "Z "
    granted = admitted(system, operators(system), Role.ISSUER, "somebody")
    person = enrolled(system, granted)
    person.secret = system.accounts.enrol("somebody", granted.enrolment, password).secret
    for other in (password[:-1], password.strip(), password.lower(), password[:-2] + "Y "):
        person.password = other
        with pytest.raises(CarbonError, match=re.escape("access.refused")):
            person.sign_in()
    person.password = password
    clock.move(days=1_000)
    assert person.sign_in().token


@pytest.mark.parametrize(("proxies", "believed"), [("", False), ("192.0.2.1", True)])
def test_forwarding_headers_count_from_named_proxies_only(monkeypatch, proxies, believed):
    """Nobody becomes another address, and escapes its limits, by saying so."""
    given = {}
    monkeypatch.setattr(uvicorn, "run", lambda _, **options: given.update(options))
    server.run(["--proxies", proxies] if proxies else [])
    assert (given["proxy_headers"], given["forwarded_allow_ips"]) == (believed, proxies)
    assert not given["server_header"]
    assert not given["access_log"]
