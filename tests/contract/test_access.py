"""The authorization matrix (TRUST S2): every operation of the API's own description, by every role.

Whoever has no permission is refused before anything else is looked at; whoever's permission covers
own objects is refused another one's. An operation that nobody listed here fails the last tests.
"""

from __future__ import annotations

import re

import pytest
from litestar.testing import TestClient

from carbon.domain.errors import CarbonError
from carbon.domain.roles import PERMISSIONS, PUBLIC, Actor, Reach, Role, check_own, reach
from carbon.web.app import create_app
from pilot import REPORT

METHODS = ("get", "put", "post", "patch", "delete")


@pytest.fixture
def asked(pilot_at):
    """Asks as an actor told in a header: role, organisation, person, stepped up or not."""
    pilot = pilot_at("issued")

    async def authenticate(connection):
        told = connection.headers.get("x-actor")
        if told is None:
            return None
        role, organisation, person, stepped = told.split("/")
        return Actor(f"{role}-1", Role(role), organisation, person, stepped_up=stepped == "1")

    with TestClient(create_app(pilot.system, authenticate)) as client:

        def ask(method, path, role=None, organisation="", person="", stepped=True, **given):
            actor = f"{role}/{organisation}/{person}/{int(stepped)}"
            headers = {} if role is None else {"x-actor": actor}
            return client.request(method.upper(), path, headers=headers, **given)

        ask.pilot, ask.document = pilot, client.get("/api/openapi.json").json()
        yield ask


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


def filled(path):
    """A path with some value in each of its places."""
    return re.sub(r"{(\w+)}", lambda m: "0" if m[1] in NUMBERS else "x", path)


NUMBERS = ("part", "version", "index")


def test_nobody_passes_a_door_that_is_not_theirs(asked):
    """Every operation × every role: 401 without an account, 403 without the permission."""
    tried = 0
    for method, path, operation in operations(asked.document):
        allowed = operation.get("x-roles")
        for role in (None, *Role):
            answer = asked(method, filled(path), role, "zhuan", "0" * 32, json={})
            kind = answer.headers.get("content-type", "")
            code = answer.json().get("code") if "json" in kind and answer.content else ""
            place = method, path, role, answer.status_code, code
            if allowed is None:
                assert answer.status_code not in (401, 403), place
            elif role is None:
                assert (answer.status_code, code) == (401, "access.anonymous"), place
            elif role not in allowed:
                assert (answer.status_code, code) == (403, "access.denied"), place
            elif allowed[role] == "all":
                assert code != "access.denied", place
            assert answer.status_code < 500, place
            tried += 1
    assert tried > 9 * 30


#: Operations whose permission covers somebody's own objects only, and how it is shown below that
#: another one's object is refused or not seen. A new one has to be shown too.
OWN = {
    "account.self": "test_account_api: own sessions and nobody elses",
    "holdings.read": "test_an_enterprise_sees_its_own_holdings",
    "decisions.sign": "test_an_account_signs_with_its_own_key_for_its_own_organisation",
    "decisions.read": "test_what_waits_is_seen_by_whose_people_began_it",
    "uploads": "test_uploads: nobody reaches what another one sends",
    "data.own": "test_own_data: nobody else's data",
    "records.write": "test_records_api: an id stands for one record of one source",
    "records.read": "test_records_api: a record is read by its owner alone",
}


def test_every_permission_of_own_objects_is_shown_to_refuse_another_ones(asked):
    named = {
        operation["x-permission"]
        for _, _, operation in operations(asked.document)
        if "own" in operation.get("x-roles", {}).values()
    }
    assert named == OWN.keys()


def test_the_description_tells_the_permission_of_every_operation(asked):
    for method, path, operation in operations(asked.document):
        permission = operation["x-permission"]
        assert permission == PUBLIC or permission in PERMISSIONS, (method, path)
        assert (operation["security"] == []) == (permission == PUBLIC)
        assert {"4XX", "5XX"} <= operation["responses"].keys()


def test_an_enterprise_sees_its_own_holdings(asked):
    path = "/api/v1/credits/holdings/zhuan"
    assert asked("get", path, "enterprise", "zhuan").json()["items"][0]["free"] > 0
    for organisation in ("green", ""):
        answer = asked("get", path, "enterprise", organisation)
        assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
    assert asked("get", path, "issuer", "bureau").status_code == 200


def test_an_account_signs_with_its_own_key_for_its_own_organisation(asked):
    """The key in a request belongs to the person and the organisation of the account."""
    pilot = asked.pilot
    otto = pilot.system.registry.signer(pilot.key("otto"))
    body = {"kind": "counterparty", "id": "zhuan/green", "content": {}, "signature": "0" * 128}
    for organisation, person, code in (
        ("zhuan", otto.person, "decision.form"),
        ("zhuan", "", "decision.form"),
        ("green", otto.person, "access.denied"),
        ("zhuan", "f" * 32, "access.denied"),
    ):
        given = {"json": {**body, "key": otto.key}}
        answer = asked("post", "/api/v1/decisions", "enterprise", organisation, person, **given)
        assert answer.json()["code"] == code, (organisation, person)
    stranger = {"json": {**body, "key": "ab" * 32}}
    answer = asked("post", "/api/v1/decisions", "enterprise", "zhuan", **stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "decision.unknown_key")
    freeze = {"kind": "freeze", "holder": "zhuan", "reason": "asked"}
    for role, organisation, status in (("issuer", "bureau", 200), ("enterprise", "green", 403)):
        answer = asked("post", "/api/v1/proposals", role, organisation, json=freeze)
        assert answer.status_code == status, "the bureau freezes whom it must"
    said = {"kind": "limit", "holder": "zhuan", "transfer": 1, "day": 1}
    for organisation, status in (("zhuan", 200), ("green", 403)):
        answer = asked("post", "/api/v1/proposals", "enterprise", organisation, json=said)
        assert answer.status_code == status


def test_what_moves_credits_needs_a_fresh_proof(asked):
    """S3: issue, transfer, retire: a session alone does not do, however it was come by."""
    otto = asked.pilot.system.registry.signer(asked.pilot.key("otto"))
    for kind, code in (
        ("transfer", "access.step_up"),
        ("retirement", "access.step_up"),
        ("issuance", "access.step_up"),
        ("restatement", "access.step_up"),
        ("limit", "decision.form"),
    ):
        body = {"kind": kind, "id": "x", "content": {}, "key": otto.key, "signature": "0" * 128}
        given = {"stepped": False, "json": body}
        answer = asked("post", "/api/v1/decisions", "enterprise", "zhuan", **given)
        assert answer.json()["code"] == code, kind


def test_what_waits_is_seen_by_whose_people_began_it(asked):
    pilot = asked.pilot
    pilot.demonstrating().trust()
    pilot.transfer("t", 1)
    path = "/api/v1/decisions/waiting"
    for role, organisation, seen in (
        ("enterprise", "zhuan", ["t"]),
        ("enterprise", "green", []),
        ("issuer", "bureau", ["t"]),
        ("verifier", "verity", ["t"]),
    ):
        items = asked("get", path, role, organisation).json()["items"]
        assert [one["id"] for one in items] == seen, (role, organisation)


def test_a_sample_is_opened_by_a_person(asked):
    """A system's account has no person to be assigned."""
    answer = asked("post", "/api/v1/verification/work-lists", "verifier", json={"report": REPORT})
    assert (answer.status_code, answer.json()["code"]) == (422, "verification.person")


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_permission_reaches_as_far_as_its_table_says(permission):
    """The rule itself, by role: nobody, own, all."""
    with pytest.raises(CarbonError, match=r"access\.anonymous"):
        reach(None, permission)
    for role in Role:
        mine = Actor("a", role, "east")
        granted = PERMISSIONS[permission].get(role)
        if granted is None:
            with pytest.raises(CarbonError, match=r"access\.denied"):
                reach(mine, permission)
            continue
        check_own(mine, permission, "east")
        if granted is Reach.OWN:
            for other in ("west", ""):
                with pytest.raises(CarbonError, match=r"access\.denied"):
                    check_own(mine, permission, other)
        else:
            check_own(mine, permission, "west")
