"""Uploads over HTTP: sent in pieces, checked, stored exactly once, by workers that may be lost."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib import import_module
from threading import Barrier, Thread

import pytest
from litestar.testing import TestClient

from carbon.adapters.store.uploads import UploadRows
from carbon.bootstrap.system import System
from carbon.client import Client
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.domain.upload import KEPT_DAYS, LEASE_SECONDS, MAX_OPEN, MAX_TRIES, State
from carbon.services.uploads import leasing
from carbon.web.app import create_app
from hostile_files import HEAD, NAMES, csv_text, line

QUIET = lambda *_: None  # noqa: E731  progress nobody watches
GO_ON = lambda: False  # noqa: E731  nobody stops the worker
BASE = "/api/v1/uploads"
#: The module: the package has its router under the same name.
api = import_module("carbon.web.api.uploads")


@pytest.fixture
def client(system):
    """A client that says in a header who it is: role and organisation."""

    async def authenticate(connection):
        told = connection.headers.get("x-actor")
        if told is None:
            return None
        role, organisation = told.split("/")
        return Actor("a", Role(role), organisation)

    with TestClient(create_app(system, authenticate)) as found:
        found.headers["x-actor"] = "enterprise/east"
        yield found


def other(actor):
    return {"headers": {"x-actor": actor}}


def rows(*numbers, **cells):
    """A file of phones, each an act of its own."""
    made = [
        line(record_id=f"r{n}", item_id=f"imei-{n}", giver=f"g{n}", receiver=f"v{n}", **cells)
        for n in numbers
    ]
    return csv_text(*made)


def announced(content, name="a.csv"):
    return {"name": name, "size": len(content), "sha256": sha256(content).hexdigest()}


def send(client, id_, content, name="a.csv"):
    """Announce a file and send it whole."""
    told = client.put(f"{BASE}/{id_}", json=announced(content, name))
    assert told.status_code == 200, told.text
    told = client.patch(f"{BASE}/{id_}/content?offset=0", content=content)
    assert told.status_code == 200, told.text
    return told.json()


def checked(client, system, id_, **asked):
    """Have it checked now; where it is then."""
    told = client.post(f"{BASE}/{id_}/check", json=asked)
    assert told.status_code == 202, told.text
    system.uploads.work(GO_ON)
    return client.get(f"{BASE}/{id_}").json()


def committed(client, system, id_, **asked):
    """Have it stored now; where it is then."""
    told = client.post(f"{BASE}/{id_}/commit", json=asked)
    assert told.status_code == 202, told.text
    system.uploads.work(GO_ON)
    return client.get(f"{BASE}/{id_}").json()


def code(answer):
    return answer.status_code, answer.json()["code"]


def stored_ids(client):
    """Ids of all records of the organisation, as its owner lists them."""
    found = client.get("/api/v1/records", params={"limit": 100}).json()["items"]
    return sorted(row["record_id"] for row in found)


# --- receiving ------------------------------------------------------------------------------------


def test_a_file_is_sent_checked_and_stored(client, system):
    told = send(client, "u1", rows(1, 2))
    assert (told["state"], told["received"]) == ("received", told["size"])
    told = checked(client, system, "u1")
    assert told["state"] == "checked", told
    assert (told["summary"]["accepted"], told["summary"]["rejected"]) == (2, 0)
    assert told["summary"]["er_g"] > 0
    assert stored_ids(client) == [], "a dry run stores nothing"
    done = committed(client, system, "u1")
    assert (done["state"], done["rows"]) == ("stored", 2)
    assert done["stored"]["er_g"] == told["summary"]["er_g"], "the check told what would be stored"
    assert stored_ids(client) == ["r1", "r2"]
    assert code(client.get(f"{BASE}/u1/annotated")) == (404, "upload.no_annotated")
    system.sequence(QUIET)
    assert system.reconcile(QUIET).differences == []


def test_an_interrupted_transfer_goes_on_where_it_was(client):
    content = rows(*range(1, 50))
    client.put(f"{BASE}/u1", json=announced(content))
    client.patch(f"{BASE}/u1/content?offset=0", content=content[:1000])
    assert client.get(f"{BASE}/u1").json()["received"] == 1000
    wrong = client.patch(f"{BASE}/u1/content?offset=500", content=content[500:])
    assert code(wrong) == (409, "upload.offset")
    assert wrong.json()["values"]["offset"] == "1000"
    doubled = client.patch(f"{BASE}/u1/content?offset=0", content=content[:1000])
    assert code(doubled) == (409, "upload.offset")
    told = client.patch(f"{BASE}/u1/content?offset=1000", content=content[1000:]).json()
    assert (told["state"], told["received"]) == ("received", len(content))
    more = client.patch(f"{BASE}/u1/content?offset={len(content)}", content=b"x")
    assert code(more) == (409, "upload.offset")


def test_a_piece_that_breaks_off_does_not_count(system):
    content = rows(1)
    uploads = system.uploads
    uploads.announce("east", "u1", announcement(content))

    def break_off():
        with uploads.arriving("east", "u1", 0) as piece:
            piece.write(b"something else entirely")
            raise ConnectionError

    with pytest.raises(ConnectionError):
        break_off()
    assert uploads.find("east", "u1").received == 0
    with uploads.arriving("east", "u1", 0) as piece:
        piece.write(content)
        assert piece.finish().state is State.RECEIVED


def test_two_that_send_the_same_piece_at_once_count_it_once(system):
    content = rows(*range(1, 50))
    system.uploads.announce("east", "u1", announcement(content))
    together, told = Barrier(2), []

    def send_all():
        with system.uploads.arriving("east", "u1", 0) as piece:
            piece.write(content)
            together.wait(30)
            try:
                told.append(piece.finish().state)
            except CarbonError as error:
                told.append(error.code)

    threads = [Thread(target=send_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["received", "upload.offset"]


def test_what_arrives_is_what_was_announced(client):
    content = rows(1)
    client.put(f"{BASE}/u1", json=announced(content))
    other_content = content.replace(b"r1", b"r9")
    wrong = client.patch(f"{BASE}/u1/content?offset=0", content=other_content)
    assert code(wrong) == (422, "upload.digest")
    assert client.get(f"{BASE}/u1").json()["received"] == 0
    longer = client.patch(f"{BASE}/u1/content?offset=0", content=content + b"x")
    assert code(longer) == (422, "upload.overrun")
    assert code(client.post(f"{BASE}/u1/check", json={})) == (409, "upload.state")
    right = client.patch(f"{BASE}/u1/content?offset=0", content=content)
    assert right.json()["state"] == "received"


def announcement(content, name="a.csv"):
    from carbon.domain.upload import Announced

    return Announced(**announced(content, name))


def test_an_id_stands_for_one_file(client):
    content = rows(1)
    first = client.put(f"{BASE}/u1", json=announced(content))
    assert client.put(f"{BASE}/u1", json=announced(content)).json() == first.json()
    again = client.put(f"{BASE}/u1", json=announced(rows(2)))
    assert code(again) == (409, "request.conflict")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"size": 0}, (422, "upload.size")),
        ({"size": 1 << 40}, (422, "upload.size")),
        ({"size": -1}, (400, "request.invalid")),
        ({"sha256": "A" * 64}, (400, "request.invalid")),
        ({"name": ""}, (400, "request.invalid")),
        ({"name": "x" * 201}, (400, "request.invalid")),
        ({"name": "a\0b"}, (400, "request.invalid")),
        ({"name": "a\nb"}, (400, "request.invalid")),
        ({"more": 1}, (400, "request.invalid")),
    ],
)
def test_what_is_no_announcement_is_refused(client, change, expected):
    assert code(client.put(f"{BASE}/u1", json=announced(rows(1)) | change)) == expected


def test_limits_hold(client, monkeypatch):
    piece = client.patch(f"{BASE}/u1/content?offset=0", content=b"x" * (8 << 20 | 1))
    assert piece.status_code in (404, 413)
    monkeypatch.setattr("carbon.adapters.store.uploads.MAX_OWN_BYTES", 2000)
    content = rows(1)
    for number in range(2000 // len(content)):
        assert client.put(f"{BASE}/u{number}", json=announced(content)).status_code == 200
    full = client.put(f"{BASE}/full", json=announced(content))
    assert code(full) == (422, "upload.space")
    elsewhere = client.put(f"{BASE}/full", json=announced(content), **other("enterprise/west"))
    assert elsewhere.status_code == 200, "another organisation has room of its own"
    monkeypatch.setattr("carbon.adapters.store.uploads.MAX_OWN_BYTES", 1 << 30)
    monkeypatch.setattr("carbon.adapters.store.uploads.MAX_OPEN", 2000 // len(content))
    assert code(client.put(f"{BASE}/more", json=announced(content))) == (409, "upload.too_many")
    client.post(f"{BASE}/u0/cancel")
    assert client.put(f"{BASE}/more", json=announced(content)).status_code == 200
    assert MAX_OPEN >= 10


def test_a_piece_is_limited(client):
    content = b"x" * ((8 << 20) + 1)
    client.put(f"{BASE}/u1", json=announced(content))
    told = client.patch(f"{BASE}/u1/content?offset=0", content=content)
    assert code(told) == (413, "request.too_large")
    assert client.get(f"{BASE}/u1").json()["received"] == 0


def test_names_are_never_paths(client, system):
    content = rows(1)
    for number, name in enumerate(("../../../etc/cron.d/x", "/etc/passwd", "a\\b", "CON", "..")):
        send(client, f"u{number}", content, name)
        assert client.get(f"{BASE}/u{number}").json()["name"] == name
    spool = system.settings.spool / "uploads"
    found = {p.relative_to(spool).parts[1:] for p in spool.rglob("*") if p.is_file()}
    assert found == {("file",)}
    for wrong in ("..", "a%2Fb", "x" * 65, "a b"):
        told = client.put(f"{BASE}/{wrong}", json=announced(content))
        assert told.status_code in (400, 404, 405), wrong


# --- whose ----------------------------------------------------------------------------------------


def test_nobody_reaches_what_another_one_sends(client, system):
    send(client, "u1", rows(1))
    checked(client, system, "u1")
    west = other("enterprise/west")
    asked = [
        client.get(f"{BASE}/u1", **west),
        client.get(f"{BASE}/u1/annotated", **west),
        client.get(f"{BASE}/u1/events", **west),
        client.patch(f"{BASE}/u1/content?offset=0", content=b"x", **west),
        client.post(f"{BASE}/u1/check", json={}, **west),
        client.post(f"{BASE}/u1/commit", json={}, **west),
        client.post(f"{BASE}/u1/cancel", **west),
    ]
    assert {code(answer) for answer in asked} == {(404, "upload.unknown")}
    assert client.get(BASE, **west).json()["items"] == []
    mine = client.put(f"{BASE}/u1", json=announced(rows(2)), **west)
    assert mine.json()["state"] == "receiving", "ids are each organisation's own"
    for actor in ("resident/", "station/east", "operator/bureau", "enterprise/"):
        told = client.get(f"{BASE}/u1", **other(actor))
        assert code(told) == (403, "access.denied"), actor
    del client.headers["x-actor"]
    assert code(client.get(BASE)) == (401, "access.anonymous")


def test_uploads_are_listed_the_latest_first(client, clock):
    for number in range(5):
        clock.move(minutes=1)
        client.put(f"{BASE}/u{number}", json=announced(rows(number)))
    seen, cursor = [], ""
    for _ in range(3):
        told = client.get(BASE, params={"limit": 2, "cursor": cursor}).json()
        seen += [item["id"] for item in told["items"]]
        cursor = told["next"]
    assert (seen, cursor) == (["u4", "u3", "u2", "u1", "u0"], None)
    assert code(client.get(BASE, params={"cursor": "a\0b"})) == (400, "request.invalid")
    assert code(client.get(BASE, params={"cursor": "u9"})) == (404, "upload.unknown")


# --- the client -----------------------------------------------------------------------------------


def test_the_client_sends_checks_commits_and_waits(client, system, tmp_path, monkeypatch):
    monkeypatch.setattr("carbon.client.PIECE_BYTES", 1000)
    monkeypatch.setattr("carbon.client._LOOK_AGAIN", 0)
    path = tmp_path / "十月.csv"
    content = rows(*range(1, 40))
    path.write_bytes(content)
    east = Client("http://testserver", http=client)
    client.put(f"{BASE}/u1", json=announced(content, path.name))
    client.patch(f"{BASE}/u1/content?offset=0", content=content[:1234])
    told = east.upload(path, "u1")
    assert (told["state"], told["name"]) == ("received", "十月.csv")
    assert east.upload(path, "u1") == told
    east.check("u1", methodology="HD-REUSE")
    assert east.wait("u1", looks=3)["state"] == "queued", "nobody works"
    system.uploads.work(GO_ON)
    seen = []
    assert east.wait("u1", lambda *far: seen.append(far))["state"] == "checked"
    assert seen == [(39, 39)]
    east.commit_upload("u1")
    system.uploads.work(GO_ON)
    assert east.wait("u1")["stored"]["accepted"] == 39


def test_a_file_that_shrinks_while_it_is_sent_is_told(client, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(rows(1, 2))
    east = Client("http://testserver", http=client)
    real = east.send

    def send(method, path_, **given):
        path.write_bytes(rows(1)[:10])
        return real(method, path_, **given)

    monkeypatch.setattr(east, "send", send)
    with pytest.raises(CarbonError, match="announced SHA-256"):
        east.upload(path, "u1")


def test_a_piece_whose_answer_was_lost_is_not_sent_for_ever(client, tmp_path):
    content = rows(1)
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    east = Client("http://testserver", http=client)
    client.put(f"{BASE}/u1", json=announced(content, path.name))
    client.patch(f"{BASE}/u1/content?offset=0", content=content)
    assert east._piece("u1", 0, content)["state"] == "received"
    client.post(f"{BASE}/u1/cancel")
    with pytest.raises(CarbonError, match=r"upload\.state"):
        east._piece("u1", 0, content)


# --- checking -------------------------------------------------------------------------------------


def test_a_check_says_row_column_value_and_remedy(client, system):
    content = csv_text(
        line(record_id="r1"),
        line(record_id="r2", age_years="", item_id="i2"),
        line(record_id="r3", mass_kg="heavy", item_id="i3"),
        "r4,too,short",
    )
    send(client, "u1", content)
    told = checked(client, system, "u1")
    assert (told["state"], told["summary"]["rejected"]) == ("checked", 3)
    reasons = {r["code"]: r for r in told["summary"]["reasons"]}
    wrong = reasons["number.invalid"]
    assert (wrong["column"], wrong["header"], wrong["count"]) == ("mass_kg", "mass_kg", 1)
    assert wrong["first"] == [{"row": 4, "value": "heavy"}]
    assert reasons["row.shape"]["first"][0]["row"] == 5
    for reason in reasons.values():
        assert all(reason[part][lang] for part in ("what", "fix") for lang in ("zh", "en"))
    annotated = client.get(f"{BASE}/u1/annotated")
    assert annotated.status_code == 200
    assert annotated.text.count("\r\n") == 4
    assert code(client.post(f"{BASE}/u1/commit", json={})) == (422, "upload.rejected")
    done = committed(client, system, "u1", accept_valid=True)
    assert (done["state"], done["stored"]["accepted"], done["stored"]["rejected"]) == (
        "stored",
        1,
        3,
    )
    assert stored_ids(client) == ["r1"]
    assert client.get(f"{BASE}/u1/annotated").content == annotated.content


def test_the_annotated_file_comes_back_corrected(client, system):
    send(client, "u1", rows(1, age_years=""))
    checked(client, system, "u1")
    given = client.get(f"{BASE}/u1/annotated").content.decode("utf-8-sig")
    head, row = given.splitlines()
    mended = f"{head}\n{row.replace('good,,', 'good,2.5,')}\n".encode()
    send(client, "u2", mended, "annotated.csv")
    told = checked(client, system, "u2")
    assert (told["state"], told["summary"]["accepted"]) == ("checked", 1), told


def test_columns_of_other_names_are_proposed_edited_and_remembered(client, system):
    names = dict(zip(NAMES, NAMES, strict=True))
    names |= {"record_id": "单号", "mass_kg": "重量(克)", "giver": "卖家", "note": "心情"}
    content = rows(1, mass_kg="200").replace(HEAD.encode(), ",".join(names.values()).encode())
    send(client, "u1", content)
    told = checked(client, system, "u1")
    assert told["state"] == "checked", told
    mapping = told["mapping"]
    assert (mapping["origin"], mapping["unmapped"]) == ("proposed", ["心情"])
    assert mapping["used"]["columns"]["mass_kg"] == {"from": "重量(克)", "unit": "g"}
    assert mapping["confidence"]["act"] == 100 > mapping["confidence"]["record_id"] >= 80
    assert told["summary"]["er_g"] == 9248
    edited = mapping["used"]
    edited["columns"]["note"] = {"from": "心情"}
    del edited["ignore"]
    told = checked(client, system, "u1", mapping=edited)
    assert (told["state"], told["mapping"]["origin"]) == ("checked", "given"), told
    again = content.replace(b"r1,", b"r2,").replace(b"imei-1", b"imei-2")
    send(client, "u2", again)
    told = checked(client, system, "u2")
    assert (told["mapping"]["origin"], told["mapping"]["used"]) == ("remembered", edited)
    west = other("enterprise/west")
    client.put(f"{BASE}/u3", json=announced(again), **west)
    client.patch(f"{BASE}/u3/content?offset=0", content=again, **west)
    client.post(f"{BASE}/u3/check", json={}, **west)
    system.uploads.work(GO_ON)
    assert client.get(f"{BASE}/u3", **west).json()["mapping"]["origin"] == "proposed"


def test_a_file_that_lacks_a_column_fails_with_its_proposal(client, system):
    content = rows(1).replace(b"record_id", b"whatever")
    send(client, "u1", content)
    told = checked(client, system, "u1")
    assert (told["state"], told["error"]["code"]) == ("failed", "columns.missing")
    assert "a.csv" in told["error"]["messages"]["zh"]
    assert str(system.settings.spool) not in json.dumps(told), (
        "places on disk are nobody's business"
    )
    assert told["mapping"]["unmapped"] == ["whatever"]
    used = told["mapping"]["used"]
    used["columns"]["record_id"] = {"from": "whatever"}
    used["ignore"] = []
    told = checked(client, system, "u1", mapping=used)
    assert told["state"] == "checked", told


def test_what_cannot_be_asked_is_refused_at_once(client, system):
    send(client, "u1", rows(1))
    for asked, expected in (
        ({"methodology": "HD-NONE"}, (404, "methodology.unknown")),
        ({"project": "nobody's"}, (404, "project.unknown")),
        ({"mapping": {"columns": {}}}, (422, "mapping.invalid")),
        ({"mapping": {"columns": {"colour": {"from": "x"}}}}, (422, "mapping.invalid")),
        ({"mapping": {"title": {"zh": "x" * 300_000}}}, (422, "mapping.invalid")),
        ({"mapping": []}, (400, "request.invalid")),
        ({"project": "a\0b"}, (400, "request.invalid")),
    ):
        assert code(client.post(f"{BASE}/u1/check", json=asked)) == expected, asked
    assert system.uploads.work(GO_ON) == 0


def test_asking_again_is_answered_the_same(client, system):
    send(client, "u1", rows(1))
    first = client.post(f"{BASE}/u1/check", json={})
    assert client.post(f"{BASE}/u1/check", json={}).json() == first.json()
    another = client.post(f"{BASE}/u1/check", json={"methodology": "HD-REPAIR"})
    assert code(another) == (409, "request.conflict")
    assert system.uploads.work(GO_ON) == 1
    done = client.get(f"{BASE}/u1").json()
    assert client.post(f"{BASE}/u1/check", json={}).json() == done
    first = client.post(f"{BASE}/u1/commit", json={})
    assert client.post(f"{BASE}/u1/commit", json={}).json() == first.json()
    again = client.post(f"{BASE}/u1/commit", json={"accept_valid": True})
    assert code(again) == (409, "request.conflict")
    assert code(client.post(f"{BASE}/u1/check", json={})) == (409, "upload.state")
    assert system.uploads.work(GO_ON) == 1
    stored = client.get(f"{BASE}/u1").json()
    assert client.post(f"{BASE}/u1/commit", json={}).json() == stored
    assert code(client.post(f"{BASE}/u1/cancel")) == (409, "upload.state")
    assert system.uploads.work(GO_ON) == 0


def test_a_file_sent_twice_is_stored_once(client, system):
    for id_ in ("u1", "u2"):
        send(client, id_, rows(1, 2))
        checked(client, system, id_)
        done = committed(client, system, id_)
    assert (done["state"], done["stored"]["known"], done["stored"]["accepted"]) == ("stored", 2, 0)
    assert stored_ids(client) == ["r1", "r2"]


def test_what_became_wrong_after_the_check_is_not_stored(client, system, phone):
    send(client, "u1", rows(1, 2))
    checked(client, system, "u1")
    system.record(phone(1) | {"record_id": "r1", "age_years": "3"}, "east")
    done = committed(client, system, "u1")
    assert (done["state"], done["error"]["code"]) == ("failed", "upload.rejected")
    assert stored_ids(client) == ["r1"]
    told = checked(client, system, "u1")
    assert told["summary"]["reasons"][0]["code"] == "record.conflict"


# --- workers --------------------------------------------------------------------------------------


def queued(client, id_, content=None):
    send(client, id_, content or rows(1, 2))
    client.post(f"{BASE}/{id_}/check", json={})


def test_two_workers_at_once_do_each_upload_once(client, system, home, clock):
    for number in range(6):
        queued(client, f"u{number}", rows(number * 2, number * 2 + 1))
    second = System(home, clock)
    for expected in (State.CHECKED, State.STORED):
        with ThreadPoolExecutor(2) as pool:
            done = pool.map(lambda each: each.uploads.work(GO_ON), (system, second))
            assert sum(done) == 6
        assert {u.state for u in system.uploads.page("east", "", 10)} == {expected}
        if expected is State.CHECKED:
            for number in range(6):
                client.post(f"{BASE}/u{number}/commit", json={})
    second.close()
    assert len(stored_ids(client)) == 12
    system.sequence(QUIET)
    assert system.reconcile(QUIET).differences == []


def test_a_worker_told_to_stop_gives_the_upload_back(client, system):
    queued(client, "u1")
    asked = iter([False, True])
    assert system.uploads.work(lambda: next(asked, True)) == 0
    found = system.uploads.find("east", "u1")
    assert (found.state, found.tries, found.expires_at) == (State.QUEUED, 0, None)
    assert system.uploads.work(GO_ON) == 1


def lose(system, monkeypatch, then, after=1):
    """Let a worker stall ``after`` some rows while ``then`` happens; what it did."""
    real, happened = leasing.Lease.progress, []

    def progress(self, rows, total):
        if rows >= after and not happened:
            happened.append(rows)
            then()
        real(self, rows, total)

    monkeypatch.setattr(leasing.Lease, "progress", progress)
    done = system.uploads.work(GO_ON)
    assert happened
    monkeypatch.setattr(leasing.Lease, "progress", real)
    return done


def test_a_lost_lease_writes_nothing(client, system, home, clock, monkeypatch):
    queued(client, "u1")
    second = System(home, clock)

    def taken_over():
        clock.move(seconds=LEASE_SECONDS)
        assert second.uploads.work(GO_ON) == 1

    assert lose(system, monkeypatch, taken_over) == 0
    assert client.get(f"{BASE}/u1").json()["state"] == "checked"
    client.post(f"{BASE}/u1/commit", json={})
    # Later PostgreSQL lets the second one wait for what the first has written, until that is gone.
    assert lose(system, monkeypatch, taken_over, after=0) == 0
    done = client.get(f"{BASE}/u1").json()
    assert (done["state"], done["stored"]["accepted"]) == ("stored", 2)
    second.close()
    assert stored_ids(client) == ["r1", "r2"]
    system.sequence(QUIET)
    assert system.reconcile(QUIET).differences == []


@pytest.mark.parametrize("storing", [False, True])
def test_cancelling_while_it_is_worked_on_stores_nothing(client, system, monkeypatch, storing):
    queued(client, "u1")
    if storing:
        system.uploads.work(GO_ON)
        client.post(f"{BASE}/u1/commit", json={})
    done = lose(system, monkeypatch, lambda: client.post(f"{BASE}/u1/cancel"))
    assert done == 0
    told = client.get(f"{BASE}/u1").json()
    assert told["state"] == "cancelled"
    assert client.post(f"{BASE}/u1/cancel").json() == told
    assert stored_ids(client) == []
    rows_left = list((system.settings.spool / "rows").glob("*"))
    assert rows_left == [], "no row file of what was never stored"
    piece = client.patch(f"{BASE}/u1/content?offset=0", content=b"x")
    assert code(piece) == (409, "upload.state")
    system.uploads.expire()
    assert not any((system.settings.spool / "uploads").iterdir())
    assert client.get(f"{BASE}/u1").json()["state"] == "cancelled"


def test_the_thread_of_a_lease_notices_a_cancel(client, system, monkeypatch):
    """Without waiting for the end of the work."""
    monkeypatch.setattr(leasing, "BEAT_SECONDS", 0.01)
    queued(client, "u1")
    uploads, book = system.uploads, UploadRows(system.database)
    (seen,) = book.waiting(system.clock.now(), 1)
    lost = leasing.Lease(book, system.clock, seen, GO_ON)
    with lost as lease:
        uploads.cancel("east", "u1")
        assert lease._lost.wait(30)
        with pytest.raises(CarbonError) as told:
            lease.progress(1, None)
        assert told.value.code == "upload.lost"


def test_a_file_that_kills_its_workers_is_given_up(client, system, clock, monkeypatch):
    queued(client, "u1")

    class KilledError(BaseException):
        pass

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("carbon.bootstrap.uploads.open_apart", killed)
        for _ in range(MAX_TRIES):
            with pytest.raises(KilledError):
                system.uploads.work(GO_ON)
            assert system.uploads.work(GO_ON) == 0, "its lease has not ended"
            clock.move(seconds=LEASE_SECONDS)
        assert system.uploads.work(GO_ON) == 1
    told = client.get(f"{BASE}/u1").json()
    assert (told["state"], told["error"]["code"]) == ("failed", "upload.given_up")
    assert checked(client, system, "u1")["state"] == "checked", "it may be asked for again"


def test_what_nobody_expected_ends_the_upload_and_is_logged(client, system, monkeypatch, caplog):
    queued(client, "u1")

    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr("carbon.bootstrap.uploads.open_apart", broken)
        assert system.uploads.work(GO_ON) == 1
    told = client.get(f"{BASE}/u1").json()
    assert (told["state"], told["error"]["code"]) == ("failed", "upload.unreadable")
    (record,) = [r for r in caplog.records if r.exc_info]
    assert record.args[1] in told["error"]["messages"]["en"], "the reference finds it in the log"


def test_a_fault_of_the_service_is_not_the_files(client, system, clock, monkeypatch):
    queued(client, "u1")

    def away(*_):
        raise CarbonError("store.unavailable", reason="gone")

    with monkeypatch.context() as patched:
        patched.setattr("carbon.bootstrap.uploads.open_apart", away)
        with pytest.raises(CarbonError, match=r"store\.unavailable"):
            system.uploads.work(GO_ON)
    assert client.get(f"{BASE}/u1").json()["state"] == "checking"
    clock.move(seconds=LEASE_SECONDS)
    assert system.uploads.work(GO_ON) == 1
    assert client.get(f"{BASE}/u1").json()["state"] == "checked"


# --- the end --------------------------------------------------------------------------------------


def test_files_and_what_was_said_about_them_expire(client, system, clock):
    send(client, "u1", rows(1, age_years=""))
    checked(client, system, "u1")
    clock.move(days=KEPT_DAYS - 1)
    send(client, "u2", rows(2))
    assert system.uploads.expire() == 0
    clock.move(days=1)
    assert system.uploads.expire() == 1
    assert system.uploads.expire() == 0
    told = client.get(f"{BASE}/u1").json()
    assert (told["state"], told["name"], told["summary"]) == ("expired", "", None)
    assert code(client.get(f"{BASE}/u1/annotated")) == (404, "upload.no_annotated")
    assert code(client.post(f"{BASE}/u1/check", json={})) == (409, "upload.state")
    assert len(list((system.settings.spool / "uploads").iterdir())) == 1
    assert client.get(f"{BASE}/u2").json()["state"] == "received"


def test_expiring_goes_on_where_it_was_interrupted(client, system, clock, monkeypatch):
    send(client, "u1", rows(1))
    clock.move(days=KEPT_DAYS)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("carbon.adapters.upload_files.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            system.uploads.expire()
    assert client.get(f"{BASE}/u1").json()["state"] == "expired"
    assert system.uploads.expire() == 1
    assert not any((system.settings.spool / "uploads").iterdir())


# --- watching -------------------------------------------------------------------------------------


def events(answer):
    return [
        json.loads(text.removeprefix("data:"))
        for text in answer.text.splitlines()
        if text.startswith("data:")
    ]


def test_progress_is_told_until_the_work_is_done(client, system, monkeypatch):
    monkeypatch.setattr(api, "WATCH_SECONDS", 0.01)
    queued(client, "u1")
    worker = Thread(target=system.uploads.work, args=(GO_ON,))
    worker.start()
    seen = events(client.get(f"{BASE}/u1/events"))
    worker.join()
    assert seen[-1]["state"] == "checked"
    assert all(seen[n] != seen[n + 1] for n in range(len(seen) - 1))
    assert len(events(client.get(f"{BASE}/u1/events"))) == 1, "nothing more will happen"


def test_a_watch_ends_when_the_server_drains(client, monkeypatch):
    queued(client, "u1")
    api.DRAINING.set()
    try:
        (seen,) = events(client.get(f"{BASE}/u1/events"))
    finally:
        api.DRAINING.clear()
    assert seen["state"] == "queued"


def test_a_watch_does_not_last_for_ever(client, monkeypatch):
    monkeypatch.setattr(api, "WATCH_SECONDS", 0)
    monkeypatch.setattr(api, "MAX_LOOKS", 3)
    queued(client, "u1")
    assert len(events(client.get(f"{BASE}/u1/events"))) == 1
