"""`carbon person … credit …` as officers, owners and verifiers type it, in both languages."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carbon.cli import store, texts
from carbon.cli.main import run
from conftest import environment_of
from pilot import ASSET, DESIGN, MONTH, REPORT, WRITTEN, Pilot

Carbon = Callable[..., Any]


@pytest.fixture
def command_line(monkeypatch, capsys) -> Iterator[Callable[..., Carbon]]:
    """Runs commands on a pilot's home: ``carbon("credit", "holdings", "zhuan", json=True)``.

    ``fails``: the exit status that is expected; the answer is standard output, or its JSON.
    """
    opened = []

    def fresh() -> None:
        texts.settings.cache_clear()
        store.system.cache_clear()

    def on(pilot: Pilot) -> Carbon:
        for name, value in environment_of(pilot.system.settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CARBON_DEMONSTRATION", "1")
        monkeypatch.setenv("COLUMNS", "160")

        def carbon(
            *words: object, json_: bool = False, fails: int = 0, lang: str = "en",
            now: str = "2026-11-23T12:00:00",
        ) -> Any:  # fmt: skip
            monkeypatch.setenv("CARBON_LANG", lang)
            monkeypatch.setenv("CARBON_NOW", now)
            fresh()
            asked = [str(word) for word in words] + ["--json"] * json_
            status = run(asked)
            opened.append(store.system())
            told = capsys.readouterr()
            assert status == fails, (asked, told.out, told.err)
            if fails:
                return told.err
            return json.loads(told.out) if json_ else told.out

        return carbon

    yield on
    for system in opened:
        system.close()
    fresh()


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_people_and_a_project_by_commands(pilot_at, command_line, tmp_path):
    """A card is made, registered by two, and ended; a design goes its four steps."""
    pilot = pilot_at("enrolled")
    carbon = command_line(pilot)
    anne, bert, otto, vera = (pilot.key(name) for name in ("anne", "bert", "otto", "vera"))
    own = ("--identity", "phone of ida", "--role", "issuer", "--organisation", "bureau")
    card = json.loads(carbon("person", "new", tmp_path / "ida.key", *own))
    assert "phone of ida" not in json.dumps(card), "only a keyed hash is told"
    file = write(tmp_path / "ida.json", card)
    told = carbon("person", "register", file, "--as", anne)
    assert "waits for a signature (1/2)" in told
    (waits,) = carbon("decisions", json_=True)
    assert (waits["kind"], waits["signatures"]) == ("member", 1)
    assert "member" in carbon("decisions", lang="zh")
    assert "✓ member" in carbon("approve", waits["digest"][:16], "--as", bert)
    people = carbon("person", "list", json_=True)
    assert card["key"] in {one["key"] for one in people}
    assert "issuer" in carbon("person", "list", lang="zh")
    end = ("person", "end", card["key"], "--reason", "left", "--as", anne)
    done = carbon(*end, "--as", bert, json_=True)
    assert done["state"] == "done"
    assert carbon(*end, json_=True) == done, "the same call is told the same"

    design = write(tmp_path / "design.json", DESIGN)
    assert "✓ project second" in carbon("project", "register", "second", design, "--as", otto)
    assert "✓ validation" in carbon("project", "validate", "second", "--as", vera)
    assert "✓ notice" in carbon("project", "notice", "second", "--as", anne, lang="zh")
    told = carbon("project", "file", "second", "--number", "HD-1", "--as", anne, fails=3, lang="zh")
    assert "公示满 0 个工作日" in told
    file_ = ("project", "file", "second", "--number", "HD-1", "--as", anne, "--as", bert)
    carbon(*file_, now="2026-12-02T09:00:00")
    assert json.loads(carbon("project", "show", "second"))["status"] == "filed"


def test_a_file_that_is_no_decision_is_told_so(pilot_at, command_line, tmp_path):
    """Missing, no JSON, no object, or too long: nothing of it is signed."""
    pilot = pilot_at("enrolled")
    carbon = command_line(pilot)
    register = ("project", "register", "second")
    key = ("--as", pilot.key("otto"))
    assert "none.json" in carbon(*register, tmp_path / "none.json", *key, fails=3)
    path = tmp_path / "x.json"
    for content in ("{", "[]", "1", '{"a": "' + "x" * 70_000 + '"}', "\udc80"):
        path.write_text(content, encoding="utf-8", errors="surrogateescape")
        assert "[decision.file]" in carbon(*register, path, *key, fails=3)
    assert "[decision.form]" in carbon(*register, write(path, {}), *key, fails=3)
    assert "格式" in carbon(*register, path, *key, fails=3, lang="zh")


def test_from_a_report_to_credits_by_commands(pilot_at, command_line, tmp_path):
    """Report, reveal, sheet, statement, issuance, each with what a person needs to see next."""
    pilot = pilot_at("committed")
    carbon = command_line(pilot)
    anne, bert, otto, vera, rita = (
        pilot.key(name) for name in ("anne", "bert", "otto", "vera", "rita")
    )
    told = carbon("report", "make", "phones", MONTH, "--as", otto)
    assert "Reported g: 343,770" in told
    assert "[report.pending]" in carbon("report", "make", "phones", MONTH, "--as", otto, fails=3)
    carbon("log", "sequence")
    assert json.loads(carbon("report", "show", REPORT))["reported_g"] == "343770"
    for key in (vera, anne):
        nonce = pilot.folder / f"{key.stem}-{MONTH}.nonce"
        drawn = carbon("verify", "reveal", REPORT, "--nonce", nonce, "--as", key, json_=True)
    assert drawn["effect"]["items"]
    sheet = tmp_path / "sheet.csv"
    assert "items" in carbon("verify", "sample", REPORT, "--out", sheet, "--as", vera)
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="gb18030", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(row | {"audited_g": row["er_g"], "intent": "否"} for row in rows)
    told = carbon("verify", "inspect", REPORT, sheet, "--as", vera, lang="zh")
    assert f"已检查 {len(rows)} 项" in told
    carbon("verify", "find", REPORT, "--class", "CAR", "--text", "no seal", "--as", vera)
    carbon("verify", "answer", f"{REPORT}/1", "--text", "sealed", "--as", otto)
    carbon("verify", "close", f"{REPORT}/1", "--text", "seen", "--as", vera)
    assert json.loads(carbon("verify", "evaluate", REPORT))["opinion"] == "positive"
    fields = write(tmp_path / "fields.json", WRITTEN)
    told = carbon("verify", "state", REPORT, fields, "--as", vera, "--as", rita, json_=True)
    assert told["effect"]["verified_g"] == "343770"
    carbon("log", "sequence")
    told = carbon("credit", "issue", REPORT, "--as", anne, "--as", bert)
    assert "credits: 212" in told
    assert carbon("verify", "person", vera).strip() == pilot.person("vera")


def test_credits_by_commands(pilot_at, command_line, tmp_path):
    """Hold, trust, limit, transfer, undo, retire, freeze, settle, look up, restate."""
    pilot = pilot_at("issued")
    carbon = command_line(pilot)
    anne, bert, otto = (pilot.key(name) for name in ("anne", "bert", "otto"))
    assert carbon("credit", "holdings", "zhuan", json_=True)[0]["free"] == 201
    assert "可用" in carbon("credit", "holdings", "zhuan", lang="zh")
    carbon("credit", "trust", "zhuan", "green", "--as", otto)
    carbon("credit", "limit", "zhuan", "--transfer", 60, "--day", 100, "--as", otto)
    give = ("credit", "transfer", "zhuan", "green", 50, "--asset", ASSET, "--as", otto)
    later = "2026-11-30T12:00:00"
    assert "[holding.waiting]" in carbon(*give, "--id", "t1", fails=3)
    told = carbon(*give, "--id", "t1", now=later)
    assert "2026-11-30T12:10:00+08:00" in told
    assert "taken back" in carbon("undo", "t1", "--as", otto, now=later)
    assert "[serial.invalid]" in carbon(
        *give, "--id", "t2", "--serials", "HD-1..2", fails=3, now=later
    )
    carbon(*give, "--id", "t2", "--serials", "HD-000000000101..HD-000000000150", now=later)
    carbon("credit", "freeze", "zhuan", "--reason", "asked", "--as", anne, now=later)
    after = "2026-11-30T12:10:00"
    assert "[holding.frozen]" in carbon("settle", now=after)
    lift = ("credit", "unfreeze", "zhuan", "--reason", "asked", "--as", anne, "--as", bert)
    carbon(*lift, now=after)
    assert "✓ transfer t2" in carbon("settle", now=after)
    assert json.loads(carbon("credit", "lookup", "HD-000000000101"))["account"] == "holder/green"
    assert json.loads(carbon("credit", "lookup", "100"))["account"] == "holder/zhuan"
    retire = ("credit", "retire", "zhuan", 5, "--asset", ASSET, "--id", "r", "--as", otto)
    carbon(*retire, "--beneficiary", "A.", now=after)
    cancel = ("credit", "cancel", "zhuan", 5, "--asset", ASSET, "--id", "c", "--as", otto)
    carbon(*cancel, "--reason", "damaged", now=after)
    assert "✓ retirement r" in carbon("settle", now="2026-11-30T12:20:00")
    carbon("log", "sequence")
    assert "HD-000000000001" in carbon("credit", "retired")
    assert json.loads(carbon("impact", "r1"))["reports"] == [REPORT]
    two = ("--reason", "returned", "--text", "came back", "--as", anne, "--as", bert)
    told = carbon("restate", "--record", "r1", *two, json_=True)
    assert told["effect"]["reports"][0]["report"] == REPORT
    assert "[correction.done]" in carbon("restate", "--record", "r1", *two, fails=3)
