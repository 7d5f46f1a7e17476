"""Records over HTTP: each answered by itself, read by its owner and by nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from litestar.testing import TestClient

from carbon.adapters.parties import person_lookup
from carbon.bootstrap.submissions import IngestRequest
from carbon.domain.roles import Actor, Role
from carbon.files.check_receipt import check
from carbon.web.app import create_app
from conftest import write_csv

QUIET = lambda *_: None  # noqa: E731  progress nobody watches
BASE = "/api/v1/records"


@pytest.fixture
def client(system):
    """A client that says in a header who it is: role, organisation, person."""

    async def authenticate(connection):
        told = connection.headers.get("x-actor")
        if told is None:
            return None
        role, organisation, person = told.split("/")
        return Actor("a", Role(role), organisation, person)

    with TestClient(create_app(system, authenticate)) as found:
        found.headers["x-actor"] = "station/east/"
        yield found


def other(client, actor):
    """Headers of somebody else."""
    return {"headers": {"x-actor": actor}}


def body(cells, **more):
    return {"cells": {k: v for k, v in cells.items() if k != "record_id"}, **more}


def own(cells, **more):
    return {"record_id": cells["record_id"], **body(cells, **more)}


def test_a_record_is_answered_with_its_grams_and_their_factors(client, system, phone):
    answer = client.put(f"{BASE}/r1", json=body(phone(1)))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["methodology"]) == ("stored", "HD-REUSE v1")
    assert told["er_g"] == told["be_g"] - told["pe_g"] - told["u_g"] - told["le_g"] > 0
    assert any(factor.startswith("production/phone@") for factor in told["factors"].values())
    assert client.put(f"{BASE}/r1", json=body(phone(1))).json() == told
    seen = client.get(f"{BASE}/r1").json()
    for name in ("fact", "er_g", "be_g", "grade", "factors", "methodology"):
        assert seen[name] == told[name], name
    assert (seen["record_id"], seen["status"], seen["leaf_index"]) == ("r1", "stands", None)
    system.sequence(QUIET)
    assert client.get(f"{BASE}/r1").json()["leaf_index"] is not None


def test_an_id_stands_for_one_record_of_one_source(client, phone):
    assert client.put(f"{BASE}/r1", json=body(phone(1))).status_code == 200
    again = client.put(f"{BASE}/r1", json=body(phone(1, age_years="3")))
    assert (again.status_code, again.json()["code"]) == (409, "request.conflict")
    west = client.put(f"{BASE}/r1", json=body(phone(2)), **other(client, "station/west/"))
    assert west.json()["status"] == "stored"
    renamed = client.put(f"{BASE}/r2", json={"cells": phone(3)})
    assert (renamed.status_code, renamed.json()["code"]) == (400, "request.invalid")


def test_a_rejected_record_is_told_every_reason_in_both_languages(client, phone):
    wrong = body(phone(1, age_years="", transport_mode="", mass_kg="heavy"))
    answer = client.put(f"{BASE}/r1", json=wrong)
    assert answer.status_code == 422
    told = answer.json()
    assert told["code"] == "record.rejected"
    found = {f["code"]: f for f in told["findings"]}
    assert {"age.missing", "transport.missing", "number.invalid"} <= set(found)
    for finding in found.values():
        assert finding["column"]
        assert all(finding[part][lang] for part in ("what", "fix") for lang in ("zh", "en"))
    unknown = client.get(f"{BASE}/r1")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "receipt.unknown")
    assert client.put(f"{BASE}/r1", json=body(phone(1))).status_code == 200, "corrected, same id"


def test_each_record_of_a_batch_is_answered_by_itself(client, phone):
    records = [
        own(phone(1)),
        own(phone(2, age_years="")),
        own(phone(3) | {"colour": "red"}),
        own(phone(4), project="nobody's"),
        own(phone(5), methodology="HD-NONE"),
        own(phone(1)),
        own(phone(1, age_years="3")),
        own(phone(6)),
    ]
    answer = client.post(BASE, json={"records": records})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [t["record_id"] for t in told] == [r["record_id"] for r in records]
    assert [t["status"] for t in told] == [
        "stored", "rejected", "failed", "failed", "failed", "stored", "failed", "stored",
    ]  # fmt: skip
    assert [t.get("code") for t in told if t["status"] == "failed"] == [
        "columns.unknown",
        "project.unknown",
        "methodology.unknown",
        "request.conflict",
    ]
    assert told[0] == told[5]
    assert client.post(BASE, json={"records": records}).json() == told
    assert client.post(BASE, json={"records": []}).status_code == 400
    many = {"records": [own(phone(n)) for n in range(501)]}
    assert client.post(BASE, json=many).status_code == 400


def test_a_record_that_came_in_a_file_is_known(client, system, phone, tmp_path):
    path = write_csv(tmp_path / "a.csv", [phone(1)])
    system.submissions.ingest(IngestRequest(path, source="east"), QUIET)
    told = client.put(f"{BASE}/r1", json=body(phone(1))).json()
    seen = client.get(f"{BASE}/r1").json()
    assert (told["status"], told["fact"]) == ("known", seen["fact"])
    assert told["er_g"] == seen["er_g"] > 0
    assert told["factors"] == seen["factors"]


def test_a_record_is_replaced_or_withdrawn_once(client, phone):
    client.put(f"{BASE}/r1", json=body(phone(1)))
    client.put(f"{BASE}/r2", json=body(phone(2)))
    new = {"reason": "entry_error", "replacement": own(phone(1, record_id="r1b", age_years="3"))}
    answer = client.post(f"{BASE}/r1/corrections", json=new)
    assert (answer.status_code, answer.json()["status"]) == (200, "stored"), answer.text
    assert client.post(f"{BASE}/r1/corrections", json=new).json() == answer.json()
    seen = client.get(f"{BASE}/r1").json()
    assert (seen["status"], seen["reason"]) == ("replaced", "entry_error")
    assert seen["replaced_by"] == client.get(f"{BASE}/r1b").json()["fact"]
    gone = client.post(f"{BASE}/r2/corrections", json={"reason": "returned"})
    assert gone.json() == {"record_id": "r2", "withdrawn": client.get(f"{BASE}/r2").json()["fact"]}
    assert client.get(f"{BASE}/r2").json()["status"] == "withdrawn"
    again = client.post(f"{BASE}/r1/corrections", json={"reason": "returned"})
    assert (again.status_code, again.json()["code"]) == (409, "request.conflict")
    wrong = {"reason": "entry_error", "replacement": own(phone(1, record_id="r9", age_years=""))}
    refused = client.post(f"{BASE}/r1b/corrections", json=wrong)
    assert (refused.status_code, refused.json()["code"]) == (422, "record.rejected")
    strange = client.post(f"{BASE}/r1b/corrections", json={"reason": "because"})
    assert strange.json()["code"] == "correction.reason"


def test_a_source_lists_its_own_page_by_page_the_latest_first(client, clock, phone):
    for n in range(7):
        clock.move(minutes=1)
        client.put(f"{BASE}/r{n}", json=body(phone(n)))
    client.put(f"{BASE}/w", json=body(phone(9)), **other(client, "station/west/"))
    seen, cursor = [], ""
    for _ in range(4):
        told = client.get(BASE, params={"limit": 2, "cursor": cursor}).json()
        seen += [row["record_id"] for row in told["items"]]
        cursor = told["next"]
    assert cursor is None
    assert seen == [f"r{n}" for n in reversed(range(7))]
    assert client.get(BASE, params={"limit": 101}).status_code == 400


def test_nobody_sees_or_corrects_what_another_one_told(client, system, phone):
    client.put(f"{BASE}/r1", json=body(phone(1)))
    fact = client.get(f"{BASE}/r1").json()["fact"]
    system.sequence(QUIET)
    stranger = other(client, "station/west/")
    for path in (f"{BASE}/r1", f"{BASE}/{fact}", f"{BASE}/r1/receipt"):
        assert client.get(path, **stranger).json()["code"] == "receipt.unknown"
    assert client.get(BASE, **stranger).json()["items"] == []
    refused = client.post(f"{BASE}/r1/corrections", json={"reason": "returned"}, **stranger)
    assert refused.json()["code"] == "correction.unknown"
    for actor, status in (
        ("station//", 403),
        ("resident//p", 403),
        ("operator/bureau/", 403),
        ("merchant/east/", 403),
    ):
        told = client.put(f"{BASE}/r8", json=body(phone(8)), **other(client, actor))
        assert (told.status_code, told.json()["code"]) == (status, "access.denied"), actor
    del client.headers["x-actor"]
    nobody = client.get(BASE)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "access.anonymous")


def test_a_resident_sees_what_their_own_key_keeps(client, system, phone):
    client.put(f"{BASE}/r1", json=body(phone(1)))
    client.put(f"{BASE}/r2", json=body(phone(2)))
    me = other(client, f"resident//{person_lookup(system.vault, 'giver-1')}")
    (seen,) = client.get(BASE, **me).json()["items"]
    assert seen["record_id"] == "r1"
    assert client.get(f"{BASE}/{seen['fact']}", **me).json() == seen
    another = client.get(f"{BASE}/r2").json()["fact"]
    assert client.get(f"{BASE}/{another}", **me).json()["code"] == "receipt.unknown"
    assert client.get(f"{BASE}/r1", **me).json()["code"] == "receipt.unknown", "ids of facts only"
    system.sequence(QUIET)
    assert client.get(f"{BASE}/{seen['fact']}/receipt", **me).status_code == 200
    system.erase("giver-1")
    assert client.get(BASE, **me).json()["items"] == []
    named = {row["record_id"] for row in client.get(BASE).json()["items"]}
    assert named == {None, "r2"}, "its source still has the record, not its id"


def test_a_receipt_is_checked_offline_and_fetched_once(client, system, phone):
    client.put(f"{BASE}/r1", json=body(phone(1)))
    early = client.get(f"{BASE}/r1/receipt")
    assert (early.status_code, early.json()["code"]) == (409, "receipt.pending")
    system.sequence(QUIET)
    answer = client.get(f"{BASE}/r1/receipt")
    assert all(c.ok for c in check(answer.content, system.signer.key.vkey))
    known = {"if-none-match": answer.headers["etag"]}
    assert client.get(f"{BASE}/r1/receipt", headers=known).status_code == 304


def test_what_is_no_record_is_refused_before_it_is_looked_at(client, phone):
    for wrong in (
        {"cells": phone(1), "colour": "red"},
        {"cells": phone(1) | {"note": "x" * 501}},
        {"cells": phone(1) | {"quantity": 1}},
        {"cells": {f"c{n}": "" for n in range(31)}},
        {},
        [],
    ):
        answer = client.put(f"{BASE}/r1", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid"), wrong
    assert client.put(f"{BASE}/r1", content=b"x" * (2 << 20)).status_code == 413
    assert client.put(f"{BASE}/{'x' * 65}", json=body(phone(1))).status_code == 400
    half = client.put(f"{BASE}/r1", content=b'{"cells": {"note": "\\ud800"}}')
    assert half.status_code == 400


def test_scans_at_once_are_all_answered_from_few_transactions(client, system, phone):
    def scan(n):
        return client.put(f"{BASE}/r{n}", json=body(phone(n))).json()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(scan, range(64)))
    assert [a["status"] for a in answers] == ["stored"] * 64
    assert len({a["fact"] for a in answers}) == 64
    system.sequence(QUIET)
    assert system.reconcile(QUIET).differences == []


def test_a_hundred_equal_requests_at_once_have_one_effect(client, system, phone):
    def scan(_):
        answer = client.put(f"{BASE}/r1", json=body(phone(1)))
        return answer.status_code, answer.content

    with ThreadPoolExecutor(25) as pool:
        answers = set(pool.map(scan, range(100)))
    ((status, _),) = answers
    assert status == 200
    system.sequence(QUIET)
    found = system.reconcile(QUIET)
    assert (found.differences, found.rows) == ([], 1)


def test_more_than_can_wait_is_turned_away(client, system, phone, monkeypatch):
    monkeypatch.setattr("carbon.bootstrap.recording.MAX_WAITING", 1)
    records = [own(phone(n)) for n in range(200)]
    told = client.post(BASE, json={"records": records}).json()
    assert {t.get("code") for t in told} == {None, "record.busy"}
    stored = sum(t["status"] == "stored" for t in told)
    assert stored == len(client.get(BASE, params={"limit": 100}).json()["items"]) > 0
