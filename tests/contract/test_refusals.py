"""What the store refuses to do, and says why."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from carbon.adapters.spool import RowFile
from carbon.adapters.store import tables as t
from carbon.adapters.store.corrections import Corrections
from carbon.adapters.store.database import Database
from carbon.adapters.store.facts import raced
from carbon.adapters.store.stored import record_key
from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.cli.main import run
from carbon.cli.store import MAX_RECORD_CHARACTERS
from carbon.domain.errors import CarbonError
from conftest import FACTORS, PHONE, new_database, settings_at, write_csv
from set_back import set_back

QUIET = lambda *_: None  # noqa: E731  progress nobody watches


def fails(code: str, act, *arguments, **options):
    with pytest.raises(CarbonError) as caught:
        act(*arguments, **options)
    assert caught.value.code == code, caught.value


# --- the same request -----------------------------------------------------------------------------


def test_an_answer_stands_when_its_methodology_is_gone(system, phone, clock, monkeypatch):
    answer = system.record(phone(1))

    def gone(*_: object) -> None:
        raise CarbonError("methodology.unknown", name="HD-REUSE", known="")

    monkeypatch.setattr("carbon.bootstrap.submissions.methodology_named", gone)
    later = System(system.settings, clock)
    assert later.record(phone(1)) == answer
    fails("methodology.unknown", later.record, phone(2))
    later.close()


def test_a_corrected_mapping_is_another_request(system, tmp_path):
    source = write_csv(tmp_path / "in.csv", [PHONE])
    mapping = tmp_path / "ours.toml"
    columns = "".join(f'[columns.{name}]\nfrom = "{name}"\n' for name in PHONE)
    right = 'ignore = ["*"]\n' + columns
    request = IngestRequest(source, mapping=str(mapping), submission="a", accept_valid=True)
    mapping.write_text(right, "utf-8")
    answer = system.submissions.ingest(request, QUIET)
    assert answer["accepted"] == 1
    assert system.submissions.ingest(request, QUIET) == answer
    mapping.write_text(right.replace('from = "condition"', 'constant = "fair"'), "utf-8")
    fails("request.conflict", system.submissions.ingest, request, QUIET)


def test_a_record_is_known_by_its_id_whatever_its_column_is_called(system, phone):
    def chinese(n: int) -> dict[str, str]:
        cells = phone(n)
        return {" 记录编号 ": cells.pop("record_id"), **cells}

    assert system.record(chinese(1))["accepted"] == 1
    assert system.record(chinese(2))["accepted"] == 1
    fails("request.conflict", system.record, phone(1, mass_kg="0.3"))


# --- corrections ----------------------------------------------------------------------------------


def test_a_correction_is_done_once_and_with_a_new_record(system, phone):
    system.record(phone(1))
    system.record(phone(2))
    fails("correction.known", system.correct, "r1", "entry_error", phone(2))
    told = system.correct("r1", "entry_error", phone(1, record_id="r1b"))
    assert system.correct(" R1 ", "entry_error", phone(1, record_id="r1b")) == told
    fails("request.conflict", system.correct, "r1", "entry_error", phone(1, record_id="r1c"))


def test_whoever_comes_second_with_a_correction_is_told(system, phone, clock):
    """Between the look and the write somebody else may have corrected the record."""
    system.record(phone(1))
    system.correct("r1", "returned")
    key = record_key(system.vault, "local", "r1")
    fails("correction.done", Corrections(system.database).fact_of, key, "r1")


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"x"',
        "[" * 100_000,
        '{"record_id": ["r1"]}',
        '{"record_id": true}',
        '{"record_id": "r1", "record_id": "r2"}',
        json.dumps(PHONE | {"note": "\ud800"}),
        json.dumps(PHONE | {"note": "x" * MAX_RECORD_CHARACTERS}),
    ],
)
def test_what_is_no_record_is_told(home, monkeypatch, capsys, text):
    system = System(home)
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert run(["record", "-"]) == 3
    assert "[record.json]" in capsys.readouterr().err
    system.close()


def test_numbers_of_a_record_keep_their_digits(system, monkeypatch, capsys):
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    cells = json.dumps(PHONE | {"mass_kg": "M"}).replace('"M"', "0.20")
    assert run(["record", cells, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 1
    assert system.record(PHONE | {"mass_kg": "0.20"})["accepted"] == 1


def test_an_erasure_is_confirmed_first(system, phone, monkeypatch, capsys):
    system.record(phone(1))
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    assert run(["erase", "giver-1"]) == 3
    assert "[erase.confirm]" in capsys.readouterr().err
    assert system.erase("giver-1") == 1


# --- the database ---------------------------------------------------------------------------------


def test_a_database_that_is_not_there_is_not_made_by_looking(tmp_path):
    settings = settings_at(tmp_path)
    assert [f.code for f in System(settings).check()] == ["store.outdated"]
    assert not (tmp_path / "carbon.db").exists()


@pytest.mark.parametrize("url", ["postgresql://u:secret@host:port/x", "a secret", "mysql://h/x"])
def test_a_wrong_url_is_told_without_its_password(url):
    with pytest.raises(CarbonError, match=r"store\.url") as caught:
        Database(url)
    assert "secret" not in caught.value.say("en")


def test_a_manifest_of_another_form_is_no_backup(system, tmp_path):
    folder = tmp_path / "backup"
    system.backup(folder)
    (folder / "manifest.json").write_text("[]")
    fails("store.backup", system.restore, folder)


def test_a_backup_needs_the_programs_of_postgresql(cluster, tmp_path, monkeypatch):
    system = System(settings_at(tmp_path, cluster, new_database(cluster)))
    system.upgrade()
    monkeypatch.setenv("PATH", str(tmp_path))
    fails("store.tool", system.backup, tmp_path / "backup")
    system.close()


# --- database and log apart -----------------------------------------------------------------------


def test_a_database_behind_the_log_is_named(system, phone, tmp_path, request, clock):
    system.record(phone(1))
    system.sequence(QUIET)
    system.backup(tmp_path / "backup")
    system.record(phone(2))
    head = system.sequence(QUIET)
    older = System(set_back(system, request, tmp_path), clock)
    older.restore(tmp_path / "backup")
    found = older.reconcile(QUIET).differences
    assert [d.code for d in found] == ["reconcile.head", "reconcile.lost"]
    assert f"{head.size} leaves" in found[0].say("en")
    older.close()


def test_a_log_that_does_not_answer_is_told(capsys):
    assert run(["audit", "http://127.0.0.1:9/log"]) == 3
    assert "[log.unreachable]" in capsys.readouterr().err


# --- what a kill leaves behind --------------------------------------------------------------------


def test_what_a_killed_import_left_is_removed_by_the_next_one_alone(system, phone, tmp_path):
    rejected = write_csv(tmp_path / "a.csv", [phone(1, age_years="")])

    def bring():
        assert system.submissions.ingest(IngestRequest(rejected), QUIET)["rejected"] == 1

    rows = system.settings.spool / "rows"
    other = RowFile(rows, ("sha256",))
    assert len(list(rows.iterdir())) == 1
    bring()
    assert len(list(rows.iterdir())) == 1, "another import is at work"
    (rows / ".rows-killed").mkdir()
    (rows / ".rows-killed" / "jsonl").write_bytes(b"{}")
    bring()
    assert len(list(rows.iterdir())) == 2
    other.abandon()
    bring()
    assert list(rows.iterdir()) == []


def test_rows_that_could_not_be_finished_leave_nothing(system, tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    source = write_csv(tmp_path / "in.csv", [PHONE])
    with monkeypatch.context() as patch:
        patch.setattr("carbon.adapters.spool.sync_folder", full)
        with pytest.raises(OSError, match="No space"):
            system.submissions.ingest(IngestRequest(source), QUIET)
    assert list((system.settings.spool / "rows").iterdir()) == []
    assert system.submissions.ingest(IngestRequest(source), QUIET)["accepted"] == 1


@pytest.mark.parametrize("published_before", [0, 3])
def test_a_write_that_was_killed_publishes_no_part_of_a_file(
    system, phone, monkeypatch, published_before
):
    """Killed, a process removes nothing: the half-written file must lie where nobody serves it."""
    for n in range(published_before):
        system.record(phone(n))
        system.sequence(QUIET)
    system.record(phone(9))
    renamed = os.replace
    for room in range(12):
        left = [room]

        def killed(source, target, left=left):
            if left[0] == 0:
                if Path(source).name.startswith(".put-"):
                    shutil.copy(source, f"{source}-killed")
                raise KeyboardInterrupt
            left[0] -= 1
            renamed(source, target)

        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr("os.replace", killed)
            system.sequence(QUIET)
    assert system.sequence(QUIET)
    assert run(["audit", str(system.settings.log)]) == 0
    assert list(system.settings.log.rglob("*-killed")) == []


def test_rejected_rows_do_not_overwrite_the_file_they_come_from(system, tmp_path):
    source = write_csv(tmp_path / "in.csv", [PHONE | {"age_years": ""}])
    before = source.read_bytes()
    fails("file.output", system.submissions.ingest, IngestRequest(source, annotated=source), QUIET)
    assert source.read_bytes() == before


def test_only_a_taken_key_is_a_race(home):
    """A value the schema refuses is refused again at every try, and is nobody else's doing."""
    system = System(home)
    head = {"previous": 0, "root": "", "note": "", "signed_at": system.clock.now()}

    def insert(size: int) -> None:
        with raced(), system.database.write() as connection:
            connection.execute(sa.insert(t.checkpoint), {**head, "size": size})

    with pytest.raises(IntegrityError):
        insert(0)
    insert(1)
    fails("store.raced", insert, 1)
    system.close()


@pytest.mark.parametrize(("days", "held"), [(7, True), (8, False)])
def test_an_act_is_compared_with_the_days_around_it(system, phone, days, held):
    first = date(2026, 10, 5)
    system.record(phone(1, occurred_on=first.isoformat()))
    later = first + timedelta(days)
    answer = system.record(phone(2, item_id="imei-1", giver="giver-1", occurred_on=f"{later}"))
    told = [reason["code"] for reason in answer["reasons"]]
    assert told == (["duplicate.suspected"] if held else [])


def test_tables_that_changed_meanwhile_are_not_published(home, phone, tmp_path):
    """The log would name a root that its tables do not have, for ever."""
    factors = tmp_path / "factors"
    shutil.copytree(FACTORS, factors)
    running = System(replace(home, factors=factors))
    running.init_log("log.example.cn/hedong")
    assert running.catalogue
    items = factors / "items.csv"
    items.write_text(items.read_text("utf-8").replace("手机", "手提电话", 1), "utf-8")
    fails("factors.changed", running.record, phone(1))
    assert list((home.spool / "catalogues").iterdir()) == []
    running.close()
    again = System(running.settings)
    assert again.record(phone(1))["accepted"] == 1
    again.sequence(QUIET)
    assert again.reconcile(QUIET).differences == []
    again.close()
