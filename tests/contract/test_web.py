"""The frame every operation stands in: problems, headers, pages of lists, ETags, limits, health."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from litestar import get
from litestar.exceptions import TooManyRequestsException
from litestar.testing import TestClient

from carbon.adapters.json_log import JsonLines
from carbon.client import Client
from carbon.domain.errors import CarbonError
from carbon.domain.roles import PUBLIC
from carbon.web import limits
from carbon.web.app import create_app
from carbon.web.guards import PERMISSION
from carbon.web.limits import Buckets
from carbon.web.observe import HEADERS, Observe
from pilot import REPORT, quiet


@pytest.fixture
def web(system):
    """The application as it is served, for anyone."""
    with TestClient(Observe(create_app(system)), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def issued(pilot_at):
    """A client of a registry with issued credits."""
    pilot = pilot_at("issued")
    with TestClient(create_app(pilot.system)) as http:
        yield Client("http://testserver.local", http=http)


# --- problems -------------------------------------------------------------------------------------


def test_a_problem_says_what_and_what_to_do_in_both_languages(web):
    """RFC 9457, Chinese unless English is asked for first."""
    for header, title in (
        ("", "没有此地址。"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "没有此地址。"),
        ("en-GB,en;q=0.9,zh;q=0.5", "There is no such address."),
    ):
        answer = web.get("/nowhere", headers={"Accept-Language": header})
        told = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (told["status"], told["code"], told["title"]) == (404, "request.unknown_path", title)
        assert told["type"] == "/errors/request.unknown_path"
        assert set(told["messages"]) == {"zh", "en"}
    assert web.get("/nowhere?lang=en").json()["title"] == "There is no such address."


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "code"),
    [
        ("DELETE", "/api/v1/projects", {}, 405, "request.method"),
        ("GET", "/api/v1/projects?limit=0", {}, 400, "request.invalid"),
        ("GET", "/api/v1/projects?limit=101", {}, 400, "request.invalid"),
        ("GET", "/api/v1/projects?cursor=x", {}, 400, "request.invalid"),
        ("GET", "/api/v1/projects?cursor=" + "9" * 30, {}, 400, "request.invalid"),
        ("GET", "/api/v1/projects/none", {}, 404, "project.unknown"),
        ("GET", "/api/v1/decisions?kind=none", {}, 422, "decision.kind"),
        ("GET", "/api/v1/factors/production/none", {}, 404, "factor.missing"),
        ("GET", "/api/v1/methodologies/HD-REUSE/9/formula", {}, 404, "methodology.unknown"),
        ("GET", "/api/v1/credits/serials/x", {}, 422, "serial.invalid"),
        ("GET", "/api/v1/credits/serials/1", {}, 404, "serial.unknown"),
        ("GET", "/api/v1/credits/certificates/none", {}, 404, "certificate.unknown"),
        ("GET", "/api/v1/log/leaves/5", {}, 404, "log.missing"),
        ("GET", "/health/metrics", {}, 404, "request.unknown_path"),
        ("GET", "/log/../home/keys/store.key", {}, 404, "request.unknown_path"),
    ],
)
def test_what_is_refused_has_a_code_and_a_status(web, method, path, given, status, code):
    answer = web.request(method, path, **given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_text_no_database_keeps_is_refused_and_not_called_a_failure(system):
    """A NUL in a query or a body: PostgreSQL cannot hold it, SQLite finds nothing by it."""
    web = TestClient(create_app(system, _operator))
    said = {"kind": "freeze", "holder": "a\0b", "reason": "x"}
    for answer in (
        web.get("/api/v1/impact?fact=a%00b"),
        web.get("/api/v1/decisions?kind=issuance&prefix=a%00b"),
        web.get("/api/v1/ledger/balances?asset=a%00b"),
        web.post("/api/v1/proposals", json=said),
    ):
        assert answer.status_code in (200, 404, 422), answer.text


def test_a_body_that_is_too_large_is_not_read(system):
    """413 before the whole of it is in memory."""
    web = TestClient(create_app(system, _operator))
    big = b'{"kind": "' + b"x" * (1 << 20) + b'"}'
    for body, status, code in (
        (big, 413, "request.too_large"),
        (b"{", 400, "request.invalid"),
        (b'{"kind": "none"}', 400, "request.invalid"),
        (b'{"kind": "freeze", "holder": "x", "reason": "y", "more": 1}', 400, "request.invalid"),
    ):
        answer = web.post("/api/v1/proposals", content=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def _operator(_):
    from carbon.domain.roles import Actor, Role

    return Actor("i", Role.ISSUER, "bureau")


def test_what_nobody_expected_is_logged_by_reference_and_told_without_its_inside(system, caplog):
    """Neither the answer nor the log holds the text of a foreign exception: it may hold values."""

    @get("/broken", opt={PERMISSION: PUBLIC}, sync_to_thread=False)
    def broken() -> None:
        raise RuntimeError("secret of a resident")

    app = Observe(create_app(system, handlers=[broken]))
    with TestClient(app, raise_server_exceptions=False) as web, caplog.at_level(logging.INFO):
        answer = web.get("/broken")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (500, "service.failed")
    assert answer.headers["x-request-id"] in told["title"]
    lines = [JsonLines().format(record) for record in caplog.records]
    assert not any("secret" in text for text in (answer.text, *lines))
    failed = next(json.loads(line) for line in lines if '"error"' in line)
    assert failed["error"] == "RuntimeError"
    assert "broken" in failed["frames"]
    assert answer.headers["x-request-id"] in failed["message"]


def test_an_operation_without_a_permission_does_not_start(system):
    @get("/open", sync_to_thread=False)
    def forgotten() -> None:
        """Nobody said who may."""

    with pytest.raises(AssertionError, match="permission"):
        create_app(system, handlers=[forgotten])


# --- headers, log and metrics ---------------------------------------------------------------------


def test_every_answer_carries_the_headers_that_keep_browsers_in(web):
    for path in ("/health/live", "/nowhere", "/api/docs", "/assets/api.js"):
        headers = web.get(path).headers
        for name, value in HEADERS.items():
            assert headers[name] == value, (path, name)
        assert len(headers["x-request-id"]) == 16
    assert web.get("/health/live").headers["cache-control"] == "no-store"


def test_the_log_of_requests_names_routes_and_nothing_of_whom(web, caplog):
    """S13, P7: no path, query, header, cookie or body."""
    with caplog.at_level(logging.INFO, "carbon.access"):
        web.get("/api/v1/projects/hidden?x=hidden", headers={"X-Hidden": "hidden"})
    (line,) = [JsonLines().format(r) for r in caplog.records if r.name == "carbon.access"]
    told = json.loads(line)
    assert (told["route"], told["method"], told["status"]) == (
        "/api/v1/projects/{project}", "GET", 404,
    )  # fmt: skip
    assert "hidden" not in line


def test_metrics_are_for_whoever_has_their_token(system):
    from dataclasses import replace

    system.settings = replace(system.settings, metrics_token="t0ken")  # noqa: S106  a test's
    with TestClient(Observe(create_app(system))) as web:
        web.get("/health/live")
        assert web.get("/health/metrics").status_code == 404
        wrong = {"Authorization": "Metrics t0kem"}
        assert web.get("/health/metrics", headers=wrong).status_code == 404
        told = web.get("/health/metrics", headers={"Authorization": "Metrics t0ken"}).text
    assert 'carbon_requests_total{method="GET",route="/health/live",status="200"}' in told


def test_health_tells_a_process_that_lives_from_one_that_can_work(system, web):
    assert web.get("/health/live").json() == {"status": "live"}
    assert web.get("/health/ready").json() == {"status": "ready", "log_size": 0}
    with system.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'") if (
            system.database.is_sqlite
        ) else pytest.skip("the application's role cannot change the revision")
    answer = web.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "store.outdated")
    assert answer.headers["retry-after"] == "1"
    assert web.get("/health/live").status_code == 200


def test_text_is_packed_and_signed_files_are_not(system, web, phone):
    """A phone gets a tenth of it; a tile is the bytes its hash is of."""
    system.record(phone(1))
    system.sequence(quiet)
    packed = {"Accept-Encoding": "gzip"}
    assert web.get("/api/v1/errors", headers=packed).headers["content-encoding"] == "gzip"
    plain = {"Accept-Encoding": "identity"}
    assert "content-encoding" not in web.get("/api/v1/errors", headers=plain).headers
    assert "content-encoding" not in web.get("/health/live", headers=packed).headers
    (tables,) = (system.settings.log / "catalogues").rglob("production.csv")
    path = tables.relative_to(system.settings.log).as_posix()
    answer = web.get(f"/log/{path}", headers=packed)
    assert "content-encoding" not in answer.headers
    assert answer.content == tables.read_bytes()


# --- limits ---------------------------------------------------------------------------------------


def test_a_bucket_gives_what_it_holds_then_what_flows_in():
    now = [0.0]
    buckets = Buckets(lambda: now[0])
    assert [buckets.wait("a", 2.0, 3.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.wait("b", 2.0, 3.0) == 0, "another key has a bucket of its own"
    now[0] = 0.5
    assert [buckets.wait("a", 2.0, 3.0) for _ in range(2)] == [0, 0.5]
    now[0] = 100.0
    assert [buckets.wait("a", 2.0, 3.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_buckets_are_bounded(monkeypatch):
    monkeypatch.setattr(limits, "_MAX_BUCKETS", 2)
    buckets = Buckets(lambda: 0.0)
    for key in ("a", "b", "c"):
        buckets.wait(key, 1.0, 1.0)
    assert buckets.wait("c", 1.0, 1.0) > 0
    assert buckets.wait("a", 1.0, 1.0) == 0, "the one unused longest was let go"


def test_who_asks_too_often_waits_and_nobody_else(system, monkeypatch):
    from carbon.domain.roles import Actor, Role

    async def authenticate(connection):
        name = connection.headers.get("x-name")
        return None if name is None else Actor(name, Role.OPERATOR)

    monkeypatch.setitem(limits.RATES, "account", (0.001, 2.0))
    monkeypatch.setitem(limits.RATES, "address", (0.001, 3.0))
    with TestClient(create_app(system, authenticate)) as web:

        def asked(**headers):
            return web.get("/api/v1/credits/totals", headers=headers).status_code

        assert [asked() for _ in range(4)] == [200, 200, 200, 429]
        assert [asked(**{"x-name": "a"}) for _ in range(3)] == [200, 200, 429]
        assert asked(**{"x-name": "b"}) == 200
        answer = web.get("/api/v1/credits/totals", headers={"x-name": "a"})
        assert answer.json()["code"] == "request.too_many"
        assert int(answer.headers["retry-after"]) > 100
        assert web.get("/health/live").status_code == 200
    assert issubclass(TooManyRequestsException, Exception)


# --- what anyone may read -------------------------------------------------------------------------


def test_lists_come_in_pages_that_meet(issued):
    whole = issued.get("/decisions", kind="inspection", limit=100)
    assert whole["next"] is None
    ids = [one["id"] for one in whole["items"]]
    assert len(ids) > 5
    parts, cursor = [], ""
    while cursor is not None:
        part = issued.get("/decisions", kind="inspection", limit=2, cursor=cursor)
        parts += [one["id"] for one in part["items"]]
        assert len(part["items"]) <= 2
        cursor = part["next"]
    assert parts == ids
    assert [one["id"] for one in issued.decisions("inspection", f"{REPORT}/1/")] == [
        i for i in ids if i.startswith(f"{REPORT}/1/")
    ]


def test_what_the_client_has_is_not_sent_again(web):
    first = web.get("/api/v1/factors?family=production&limit=2")
    assert len(first.json()["items"]) == 2
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = web.get(
            "/api/v1/factors?family=production&limit=2", headers={"If-None-Match": known}
        )
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = web.get("/api/v1/factors?limit=3", headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_factors_are_told_with_their_studies_and_sources(web, catalogue):
    told, seen, cursor = [], 0, ""
    while cursor is not None:
        part = web.get("/api/v1/factors", params={"limit": 100, "cursor": cursor}).json()
        assert part["catalogue"] == catalogue.digest
        told += [row["id"] for row in part["items"]]
        cursor, seen = part["next"], seen + 1
    assert told == sorted(row.id for row in catalogue.rows)
    assert seen > 1
    one = web.get("/api/v1/factors/production/phone").json()
    assert one["history"][0]["id"].startswith("production/phone@")
    assert {study["evidence"] for study in one["evidence"]} == set(one["history"][0]["evidence"])
    assert one["sources"][0]["url"]


def test_a_formula_is_served_as_it_is_published(web):
    from hashlib import sha256

    (told,) = [
        one
        for one in web.get("/api/v1/methodologies").json()["items"]
        if one["name"] == "HD-REUSE v1"
    ]
    content = web.get("/api/v1/methodologies/HD-REUSE/1/formula").content
    assert sha256(content).hexdigest() == told["formula_sha256"].removeprefix("sha256:")


def test_error_codes_are_listed_with_their_words(web):
    codes = {one["code"] for one in web.get("/api/v1/errors").json()["items"]}
    assert {"access.denied", "record.conflict"} <= codes


def test_the_registry_is_told_as_it_was_decided(issued):
    """Totals, serials, papers: what anyone needs to check a claim."""
    (totals,) = issued.get("/credits/totals")["items"]
    places = ("holder", "resident", "buffer", "retired", "cancelled")
    assert totals["issued"] == sum(totals[place] for place in places) > 0
    (issuance,) = issued.decisions("issuance")
    first = issuance["effect"]["serials"][0]["first"]
    from carbon.domain.credit.issuance import serial

    told = issued.get(f"/credits/serials/{serial(int(first))}")
    assert told["reports"] == [REPORT]
    assert issued.file(f"/reports/{REPORT}/pdf")[:5] == b"%PDF-"
    assert b"<html" in issued.file(f"/reports/{REPORT}/page")
    assert issued.file(f"/statements/{REPORT}/pdf")[:5] == b"%PDF-"
    assert issued.file("/credits/retired.csv").startswith(b"id,at,asset")
    assert issued.get("/credits/data-trust.json")["issuances"]
    (project,) = issued.get("/projects")["items"]
    assert project["step"] == issued.get("/projects/phones")["step"]


def test_an_entry_of_the_log_comes_with_its_proof(pilot_at):
    """The checkpoint, the files below /log/, and an entry are the same log."""
    pilot = pilot_at("issued")
    with TestClient(create_app(pilot.system)) as web:
        told = web.get("/api/v1/log/leaves/3").json()
        note = web.get("/api/v1/log/checkpoint").content
        assert note == web.get("/log/checkpoint").content == pilot.system.log.checkpoint()
        assert told["leaf"].encode() == pilot.system.log.leaf(3, told["size"])
        assert note.decode() in told["proof"]
        assert web.get("/log/tile/entries/000.p/1").status_code in (200, 404)
        missing = web.get(f"/api/v1/log/leaves/{told['size']}")
        assert (missing.status_code, missing.json()["code"]) == (404, "log.missing")


# --- the client -----------------------------------------------------------------------------------


def _answering(*answers):
    """A client whose service answers as told, in turn; the last answer stays."""
    left = list(answers)

    def answer(request):
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    transport = httpx.MockTransport(answer)
    return Client("", http=httpx.Client(base_url="http://x", transport=transport))


def test_the_client_tries_again_where_that_helps(monkeypatch):
    slept = []
    monkeypatch.setattr("carbon.client.time.sleep", slept.append)
    busy = httpx.Response(503, headers={"Retry-After": "2"})
    sound = httpx.Response(200, json={"a": 1})
    client = _answering(busy, httpx.ConnectError("refused"), sound)
    assert client.get("/y") == {"a": 1}
    assert slept == [2.0]


def test_the_client_tells_what_it_cannot_reach_or_read(monkeypatch):
    monkeypatch.setattr("carbon.client.time.sleep", lambda _: None)
    for answer, code in (
        (httpx.ConnectError("refused"), "client.unreachable"),
        (httpx.Response(502, text="<html>proxy</html>"), "client.answer"),
        (httpx.Response(503), "client.answer"),
    ):
        with pytest.raises(CarbonError) as caught:
            _answering(answer).get("/y")
        assert caught.value.code == code


def test_the_client_signs_nothing_but_what_was_said(tmp_path):
    """A service that was taken over proposes another holder, another number, another design."""
    for kind, given, content in (
        ("freeze", {"holder": "a", "reason": "x"}, {"holder": "b", "reason": "x"}),
        ("limit", {"holder": "a", "transfer": 5}, {"holder": "a", "transfer": "6"}),
        ("transfer", {"holder": "a", "other": "b"}, {"from": "a", "to": "c"}),
        ("project", {"project": "p", "design": {"a": 1}}, {"a": 2}),
    ):
        told = {"kind": kind, "id": "p", "content": content, "private": None, "digest": "0"}
        with pytest.raises(CarbonError) as caught:
            _answering(httpx.Response(200, json=told)).propose(kind, **given)
        assert caught.value.code == "client.differs", kind


def test_a_stored_record_is_published_and_its_entry_read(system, web, phone):
    """From a record to what anyone sees of it."""
    system.record(phone(1))
    system.sequence(quiet)
    size = web.get("/health/ready").json()["log_size"]
    leaves = [web.get(f"/api/v1/log/leaves/{n}").json()["leaf"] for n in range(size)]
    assert any('"type":"record"' in leaf for leaf in leaves)
