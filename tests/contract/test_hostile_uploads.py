"""Hostile and broken files over HTTP: every one ends its own upload with a reason (TRUST S12)."""

from __future__ import annotations

import random
import zipfile
from hashlib import sha256
from io import BytesIO

import pytest
from litestar.testing import TestClient

from carbon.domain.errors import FAULTS
from carbon.domain.roles import Actor, Role
from carbon.web import limits
from carbon.web.app import create_app
from hostile_files import (
    ACCEPTED,
    NAMES,
    PHONE_ROW,
    REFUSED,
    REJECTED,
    csv_text,
    line,
    many_entries,
    parquet,
    workbook,
)

BASE = "/api/v1/uploads"
GO_ON = lambda: False  # noqa: E731  nobody stops the worker


def with_part(name, content):
    """A sound workbook with one part more, or another one."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook([NAMES, PHONE_ROW]))) as sound:
        parts = {item: sound.read(item) for item in sound.namelist()}
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for item, text in {**parts, name: content}.items():
            archive.writestr(item, text)
    return made.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
ENTITY = (
    b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><worksheet xmlns='
    b'"http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
    b'<c r="A1" t="inlineStr"><is><t>&e;</t></is></c></row></sheetData></worksheet>'
)
LAUGHS = (
    b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>' + ENTITY[ENTITY.index(b"<worksheet") :]
).replace(b"&e;", b"&c;")

#: Two cells as far apart as can be: a few hundred bytes that stand for 17 thousand million cells.
SPARSE = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    b"</sheetData></worksheet>"
)

#: Files that only make sense as uploads; what becomes of them, whatever it says.
OTHERS = [
    ("an external entity", with_part(SHEET, ENTITY)),
    ("entities of entities", with_part(SHEET, LAUGHS)),
    ("macros", with_part("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + b"\0" * 4096)),
    ("a part outside the archive", with_part("../../../../tmp/slipped.txt", b"slipped")),
    ("an absolute part", with_part("/tmp/slipped.txt", b"slipped")),  # noqa: S108
    ("a link as a part", with_part("xl/link", b"/etc/passwd")),
    ("a cell of 40,000 characters", workbook([NAMES, [*PHONE_ROW[:-1], "x" * 32_000]])),
    ("NUL in Parquet", parquet(note=["a\0b"])),
    ("a sheet that is no XML", with_part(SHEET, b"\xff\xfe\0\0 no xml")),
    ("a lone surrogate", csv_text(line(note="x")).replace(b"x,", b"\xed\xa0\x80,")),
    ("nothing but quotes", b'"' * 1000),
    ("nothing but commas", b"," * 5000 + b"\n" + b"," * 5000),
    ("a header of 60,000 characters", b"x" * 60_000 + b"\n1\n"),
    ("random bytes", random.Random(12).randbytes(100_000)),
    *(
        (f"a cell that begins with {start!r}", csv_text(line(note=f'"{start}cmd|x"', age_years="")))
        for start in ("=", "+", "-", "@", "\t", "\r", "\n")
    ),
]


@pytest.fixture
def client(system, monkeypatch):
    for name in limits.RATES:
        monkeypatch.setitem(limits.RATES, name, (1e9, 1e9))

    async def authenticate(_):
        return Actor("a", Role.ENTERPRISE, "east")

    with TestClient(create_app(system, authenticate), raise_server_exceptions=False) as found:
        yield found


class Sender:
    """Sends a file and has it checked; every answer on the way is noted."""

    def __init__(self, client, system):
        self.client, self.system, self.statuses, self.count = client, system, [], 0

    def ask(self, method, path, **given):
        answer = self.client.request(method, f"{BASE}/{path}", **given)
        self.statuses.append(answer.status_code)
        return answer

    def __call__(self, content, name="a.dat"):
        self.count += 1
        id_ = f"u{self.count}"
        digest = sha256(content).hexdigest()
        body = {"name": name, "size": len(content), "sha256": digest}
        refused = self.ask("PUT", id_, json=body)
        if refused.status_code != 200:
            return {"state": "refused", "error": refused.json(), "id": id_}
        self.ask("PATCH", f"{id_}/content?offset=0", content=content)
        self.ask("POST", f"{id_}/check", json={})
        assert self.system.uploads.work(GO_ON) == 1
        told = self.ask("GET", id_).json()
        self.ask("GET", f"{id_}/annotated")
        if told["state"] == "failed":
            error = told["error"]
            assert error["code"] in FAULTS
            assert error["code"] != "upload.unreadable", "every file has a reason of its own"
            assert all(error["messages"][lang] for lang in ("zh", "en"))
        # So that the next ones are not too many.
        self.ask("POST", f"{id_}/cancel")
        return told


@pytest.fixture
def send(client, system):
    return Sender(client, system)


def test_there_are_enough_of_them():
    assert len(REFUSED) + len(REJECTED) + len(OTHERS) >= 60


def test_files_are_refused_with_their_reason(send):
    for what, name, content, code in REFUSED:
        told = send(content, name)
        if not content:
            assert told["error"]["code"] == "upload.size"
            continue
        found = {told["error"]["code"]} if told["error"] else set()
        # Columns without a meaning are shown as such, and then what is required is missing.
        same = code if code != "columns.unknown" else None
        assert found == ({same} if same else set()), (what, told["error"])
    assert max(send.statuses) < 500


def test_rows_are_rejected_with_their_reasons(send):
    for what, name, content, codes in REJECTED:
        told = send(content, name)
        assert told["state"] == "checked", (what, told["error"])
        assert {r["code"] for r in told["summary"]["reasons"]} == codes, what
        for reason in told["summary"]["reasons"]:
            assert len(reason["first"]) == reason["count"], what
            assert all(len(shown["value"]) <= 100 for shown in reason["first"])
    assert max(send.statuses) < 500


def test_messy_but_clear_files_give_the_same_grams(send):
    for what, name, content in ACCEPTED:
        told = send(content, name)
        assert told["state"] == "checked", (what, told["error"])
        assert (told["summary"]["accepted"], told["summary"]["er_g"]) == (1, 9248), what
    assert max(send.statuses) < 500


def test_files_that_mean_harm_do_none(send, tmp_path):
    for what, content in OTHERS:
        told = send(content)
        assert told["state"] in ("checked", "failed"), what
        assert "root:" not in str(told), what
    assert max(send.statuses) < 500
    assert not any(path.name == "slipped.txt" for path in tmp_path.rglob("*"))


def test_a_file_that_would_take_all_memory_is_refused(send):
    told = send(with_part(SHEET, SPARSE))
    assert (told["state"], told["error"]["code"]) == ("failed", "file.too_large")
    assert send(csv_text(line()))["state"] == "checked", "the worker goes on"


def test_an_injected_formula_comes_back_harmless(client, system):
    for number, start in enumerate("=+-@\t\r"):
        content = csv_text(line(note=f'"{start}cmd|x"', age_years=""))
        body = {"name": "a", "size": len(content), "sha256": sha256(content).hexdigest()}
        client.put(f"{BASE}/u{number}", json=body)
        client.patch(f"{BASE}/u{number}/content?offset=0", content=content)
        client.post(f"{BASE}/u{number}/check", json={})
        system.uploads.work(GO_ON)
        text = client.get(f"{BASE}/u{number}/annotated").text
        assert "cmd|x" in text
        assert f",{start}cmd" not in text
        assert f'"{start}cmd' not in text


def test_random_damage_has_a_reason(send):
    chance = random.Random(7)
    for number in range(30):
        sound = (csv_text(line()), workbook([NAMES, PHONE_ROW]), parquet())[number % 3]
        content = bytearray(sound)
        for _ in range(5):
            content[chance.randrange(len(content))] = chance.randrange(256)
        assert send(bytes(content))["state"] in ("checked", "failed")
    assert max(send.statuses) < 500


def test_bodies_that_are_no_pieces_are_refused(client):
    content = many_entries()[:100]
    body = {"name": "a", "size": len(content), "sha256": sha256(content).hexdigest()}
    client.put(f"{BASE}/u", json=body)
    for query in ("", "?offset=-1", "?offset=x", "?offset=99999999999999999999"):
        told = client.patch(f"{BASE}/u/content{query}", content=content)
        assert told.status_code == 400, query
    empty = client.patch(f"{BASE}/u/content?offset=0", content=b"")
    assert (empty.status_code, empty.json()["received"]) == (200, 0)
    for wrong in (b"", b"[]", b"{", b"\xff", b'{"accept_valid": "\\ud800"}'):
        for path in ("check", "commit"):
            told = client.post(f"{BASE}/u/{path}", content=wrong)
            assert told.status_code in (400, 409), (path, wrong)
