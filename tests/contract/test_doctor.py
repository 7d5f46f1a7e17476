"""``carbon doctor``: a sound installation has no fault, and each thing that is broken is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from carbon.adapters.store.vitals import Vitals
from carbon.bootstrap import doctor, jobs
from carbon.bootstrap.doctor import GRACE, examine
from carbon.bootstrap.jobs import JOBS
from carbon.bootstrap.system import LOG_KEY, SIGNED, STORE_KEY, System
from carbon.cli import main, store, texts
from carbon.domain.errors import CarbonError
from conftest import FixedClock, a_phone, settings_at
from store_rows import raw

ON_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)
QUIET = lambda *_: None  # noqa: E731  progress nobody watches


@pytest.fixture
def sound(home, monkeypatch):
    """A system in use, by the real clock: a record published, every job done, its work left out."""
    for name, job in JOBS.items():
        monkeypatch.setitem(jobs.JOBS, name, replace(job, act=lambda *_: {}))
    made = System(home)
    made.init_log("log.example.cn/hedong")
    made.record(a_phone(1))
    made.sequence(QUIET)
    for name in JOBS:
        assert made.jobs.attempt(made.jobs.worker(), name) in ("done", None)
    yield made
    made.close()


def faults(system, clock=None):
    """Codes of the faults by the check that found them; opened anew, as the command does."""
    opened = System(system.settings, clock or system.clock)
    found = {f.name: [fault.code for fault in f.faults] for f in examine(opened) if f.faults}
    opened.close()
    return found


def shifted(system, **step):
    """The system's clock, set wrong."""
    return FixedClock(system.clock.now() + timedelta(**step))


def test_a_sound_installation_has_no_fault_and_is_not_changed(sound):
    with raw(sound.settings) as connection:
        before = connection.everything()
        assert faults(sound) == {}
        assert connection.everything() == before
    told = {found.name: found.told for found in examine(sound)}
    assert list(told) == ["database", "keys", "log", "clock", "disk", "fonts", "assets", "worker"]
    for text in told.values():
        assert text.zh
        assert text.en


# --- database -------------------------------------------------------------------------------------


def test_a_dropped_guard_is_found(sound):
    with raw(sound.settings, owner=True) as connection:
        sqlite = sound.database.is_sqlite
        connection.run(f"DROP TRIGGER {'claim_update' if sqlite else 'refuse_update ON claim'}")
    assert faults(sound) == {"database": ["store.unguarded"]}


def test_without_a_schema_nothing_else_is_guessed(empty_home):
    found = faults(System(empty_home))
    assert found["database"] == ["store.outdated"]
    assert found["keys"] == ["key.missing"]
    assert found["worker"] == ["store.outdated"]


@ON_SQLITE
def test_a_database_that_takes_no_writes_is_found(sound, monkeypatch):
    monkeypatch.setattr(Vitals, "write", _full)
    assert faults(sound) == {"database": ["store.unavailable"]}


def _full(_):
    raise CarbonError("store.unavailable", reason="database or disk is full")


@ON_POSTGRESQL
def test_a_role_that_may_not_write_is_found(sound):
    with raw(sound.settings, owner=True) as connection:
        connection.run("REVOKE INSERT ON consent FROM application")
    assert faults(sound) == {"database": ["store.unavailable"]}


def test_the_trial_row_is_taken_back(sound):
    Vitals(sound.database).write()
    with raw(sound.settings) as connection:
        assert connection.rows("consent") == []


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [STORE_KEY, LOG_KEY, SIGNED])
def test_a_key_that_others_can_read_is_found(sound, name):
    (sound.settings.keys / name).chmod(0o640)
    assert faults(sound) == {"keys": ["key.exposed"]}


@pytest.mark.parametrize("name", [STORE_KEY, LOG_KEY])
def test_a_lost_key_is_found(sound, name):
    (sound.settings.keys / name).unlink()
    assert faults(sound)["keys"] == ["key.missing"]


def test_keys_of_another_installation_are_found(sound, tmp_path):
    other = System(settings_at(tmp_path / "other"))
    other.upgrade()
    other.init_log("log.example.cn/other")
    for name in (STORE_KEY, LOG_KEY):
        shutil.copy(other.settings.keys / name, sound.settings.keys / name)
    other.close()
    found = faults(sound)
    assert found["keys"] == ["key.wrong", "key.wrong"]
    assert found["log"][0].startswith("note.")


# --- log and clock --------------------------------------------------------------------------------


def test_facts_that_wait_too_long_are_found(sound):
    sound.record(a_phone(2))
    assert faults(sound) == {}
    assert faults(sound, shifted(sound, seconds=62))["log"] == ["log.late"]


def test_an_altered_checkpoint_is_found(sound):
    path = sound.settings.log / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n3\n", b"\n2\n"))
    assert faults(sound)["log"][0].startswith("note.")
    path.unlink()
    assert faults(sound) == {"log": ["log.missing"]}


def test_an_older_checkpoint_than_the_databases_is_found(sound):
    path = sound.settings.log / "checkpoint"
    before = path.read_bytes()
    sound.record(a_phone(2))
    sound.sequence(QUIET)
    path.write_bytes(before)
    assert faults(sound) == {"log": ["reconcile.head"]}


def test_a_clock_behind_what_was_written_down_is_found(sound):
    found = faults(sound, shifted(sound, hours=-1))["clock"]
    assert found[:2] == ["clock.behind", "clock.behind"]


def test_a_clock_that_is_not_the_databases_is_found(sound):
    found = faults(sound, shifted(sound, seconds=30)).get("clock", [])
    assert found == ([] if sound.database.is_sqlite else ["clock.differs"])


def test_a_clock_set_for_a_demonstration_is_told_as_such(sound):
    set_by_hand = replace(sound.settings, moment="2030-01-01T12:00", demonstration=True)
    opened = System(set_by_hand)
    found = {f.name: f for f in examine(opened)}
    opened.close()
    assert not found["clock"].faults
    assert "2030-01-01" in found["clock"].told.en


# --- machine --------------------------------------------------------------------------------------


def test_a_disk_that_is_nearly_full_is_found(sound, monkeypatch):
    left = shutil.disk_usage(sound.settings.log)._replace(free=doctor.NEEDED_BYTES - 1)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: left)
    found = faults(sound)
    assert set(found) == {"disk"}
    assert set(found["disk"]) == {"disk.short"}


def test_fonts_without_the_letters_are_found(sound, monkeypatch):
    monkeypatch.setattr(doctor, "covered", lambda: frozenset(map(ord, "abc")))
    assert faults(sound) == {"fonts": ["font.missing"]}


def test_assets_may_be_absent_but_not_in_part(sound, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_STATIC", tmp_path / "static")
    assert faults(sound) == {}
    for name in doctor._VENDOR:
        path = tmp_path / "static" / "vendor" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert faults(sound) == {}
    path.unlink()
    assert faults(sound) == {"assets": ["asset.missing"]}


# --- worker ---------------------------------------------------------------------------------------


def test_a_worker_that_stands_still_is_found(sound):
    late = faults(sound, shifted(sound, days=40))["worker"]
    assert late == ["job.overdue"] * len(JOBS)


def test_a_worker_has_some_minutes(sound):
    assert "worker" not in faults(sound, shifted(sound, seconds=GRACE.total_seconds() - 80))
    found = faults(sound, shifted(sound, seconds=GRACE.total_seconds() + 80))
    assert "job.overdue" in found["worker"]


def test_an_installation_without_a_worker_is_found(system):
    """None of the jobs due every minute, and none of the daily ones, ever ran."""
    assert faults(system)["worker"] == ["job.overdue"] * len(JOBS)


def test_a_job_that_failed_is_told_with_its_reason(sound, monkeypatch):
    def failing(*_):
        raise CarbonError("log.busy")

    monkeypatch.setitem(jobs.JOBS, "sequence", replace(JOBS["sequence"], act=failing))
    sound.jobs.ask("sequence", "again")
    assert sound.jobs.attempt_asked(sound.jobs.worker()) == ["failed"]
    (fault,) = next(f for f in examine(sound) if f.name == "worker").faults
    assert fault.code == "job.failing"
    assert CarbonError("log.busy").say("en") in fault.say("en")


# --- command --------------------------------------------------------------------------------------


def test_the_command_tells_a_line_each_and_whether_something_is_wrong(sound, monkeypatch, capsys):
    monkeypatch.setattr(store, "system", lambda: sound)
    monkeypatch.setattr("carbon.cli.doctor.system", lambda: sound)
    assert main.run(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(line.startswith("✓ ") for line in lines)
    (sound.settings.keys / STORE_KEY).chmod(0o644)
    monkeypatch.setattr("carbon.cli.doctor.lang", lambda: "en")
    assert main.run(["doctor"]) == 1
    assert "[key.exposed]" in capsys.readouterr().out
    assert main.run(["doctor", "--json"]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["name"] for one in told if one["faults"]] == ["keys"]
    assert "chmod 600" in next(one for one in told if one["faults"])["faults"][0]["text"]
    assert texts.lang() in ("zh", "en")
