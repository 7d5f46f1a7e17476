"""The restore drill (TRUST R8): one command, and the restored head is the published one."""

from __future__ import annotations

import json
import re

import pytest

from carbon.adapters.store.backup import DUMP, MANIFEST
from carbon.adapters.store.scratch import scratch
from carbon.bootstrap.drill import drill, latest_backup
from carbon.cli import main
from carbon.domain.errors import CarbonError
from carbon.domain.log.checkpoint import history_path
from store_rows import raw

QUIET = lambda *_: None  # noqa: E731  progress nobody watches
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)


@pytest.fixture
def backed_up(system, phone):
    """A system with three leaves backed up, and two more since."""
    system.record(phone(1))
    size = system.sequence(QUIET).size
    folder = system.settings.backups / "20261123T030000Z"
    system.backup(folder)
    for number in (2, 3):
        system.record(phone(number))
    system.sequence(QUIET)
    return size, folder


def fails(system, folder, code):
    with pytest.raises(CarbonError) as error:
        drill(system, folder)
    assert error.value.code == code


def databases(system):
    with raw(system.settings, owner=True) as connection:
        return {name for (name,) in connection.run("SELECT datname FROM pg_database")}


def test_the_restored_head_is_one_the_log_has(system, backed_up):
    """What was recorded since is in the log and not in the backup; the one in use is as before."""
    size, folder = backed_up
    with raw(system.settings) as connection:
        before = connection.everything()
        found = drill(system, folder)
        assert connection.everything() == before
    assert (found["log_size"], found["pending"]) == (size, 0)
    assert system.reconcile(QUIET).differences == []


def test_what_waited_when_it_was_made_is_counted(system, backed_up, phone):
    _, folder = backed_up
    system.record(phone(4))
    later = folder.with_name("20261124T030000Z")
    system.backup(later)
    assert drill(system, later)["pending"] == 1


def test_an_unused_database_can_be_restored_too(system):
    folder = system.settings.backups / "first"
    system.backup(folder)
    assert drill(system, folder)["log_size"] == 0


def test_a_damaged_backup_is_found(system, backed_up):
    _, folder = backed_up
    content = (folder / DUMP).read_bytes()
    (folder / DUMP).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    fails(system, folder, "store.backup")


def test_a_backup_ahead_of_the_published_log_is_found(system, backed_up):
    """The log's folder was set back to an older checkpoint."""
    size, folder = backed_up
    later = folder.with_name("later")
    system.backup(later)
    log = system.settings.log
    (log / "checkpoint").write_bytes((log / history_path(size)).read_bytes())
    fails(system, later, "reconcile.head")
    assert drill(system, folder)["log_size"] == size


def test_a_backup_without_guards_is_found(system, backed_up):
    with raw(system.settings, owner=True) as connection:
        sqlite = system.database.is_sqlite
        connection.run(f"DROP TRIGGER {'claim_update' if sqlite else 'refuse_update ON claim'}")
    folder = system.settings.backups / "unguarded"
    system.backup(folder)
    fails(system, folder, "store.unguarded")


def test_the_newest_complete_backup_is_taken(system, backed_up, tmp_path):
    _, folder = backed_up
    (folder.parent / "20991231T030000Z").mkdir()
    assert latest_backup(folder.parent) == folder
    with pytest.raises(CarbonError, match=re.escape("store.backup")):
        latest_backup(tmp_path / "nothing")


@ON_POSTGRESQL
def test_nothing_stays_on_the_server(system, backed_up):
    before = databases(system)
    _, folder = backed_up
    drill(system, folder)
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace("sha256", "sha"))
    fails(system, folder, "store.backup")
    assert databases(system) == before


@ON_POSTGRESQL
def test_an_owner_that_may_make_no_database_is_told(system):
    with pytest.raises(CarbonError) as error, scratch(system.database):
        """The application's role may not."""
    assert error.value.code == "store.scratch"
    assert "CREATEDB" in error.value.say("en")


def test_it_is_one_command(system, backed_up, monkeypatch, capsys):
    monkeypatch.setattr("carbon.cli.store.system", lambda: system)
    monkeypatch.setattr("carbon.cli.store.settings", lambda: system.settings)
    size, folder = backed_up
    assert main.run(["db", "drill", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["log_size"] == size
    assert main.run(["db", "drill", str(folder)]) == 0
    assert str(size) in capsys.readouterr().out
    (folder / MANIFEST).unlink()
    assert main.run(["db", "drill"]) == 3
