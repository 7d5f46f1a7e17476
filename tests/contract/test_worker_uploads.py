"""The worker and files that organisations send: done by a real process, drained, expired."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, timedelta
from hashlib import sha256

import pytest

from carbon import jobs as door
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.upload import Announced, State, Wanted
from conftest import ROOT, environment_of
from hostile_files import csv_text, line
from store_rows import raw

ORG = "east"
SECONDS = 120


def send(system, id_, content):
    system.uploads.announce(ORG, id_, Announced("a.csv", len(content), sha256(content).hexdigest()))
    with system.uploads.arriving(ORG, id_, 0) as piece:
        piece.write(content)
        piece.finish()


def until(system, id_, *states):
    """Wait until an upload is in one of some states; fails where it never is."""
    end = time.monotonic() + SECONDS
    while (found := system.uploads.find(ORG, id_)).state not in states:
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


@contextmanager
def worker(system, *options):
    own = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment_of(system.settings)}
    command = [sys.executable, "-m", "carbon", "worker", *options]
    with subprocess.Popen(command, env=own, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=SECONDS)


@pytest.fixture
def real(home):
    """A system by the real clock, which another process shares."""
    made = System(home)
    made.init_log("log.example.cn/hedong")
    yield made
    made.close()


def test_files_are_checked_and_stored_by_the_worker(real):
    """Sent here, done there; published without anybody's asking."""
    send(real, "u1", csv_text(line(), line(record_id="r2", item_id="i2", giver="g", receiver="v")))
    real.uploads.check(ORG, "u1", Wanted())
    with worker(real) as process:
        assert until(real, "u1", State.CHECKED, State.FAILED).state is State.CHECKED
        real.uploads.commit(ORG, "u1", accept_valid=False)
        assert until(real, "u1", State.STORED, State.FAILED).state is State.STORED
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
    real.sequence(lambda *_: None)
    found = real.reconcile(lambda *_: None)
    assert (found.differences, found.rows) == ([], 2)


def test_a_hostile_file_costs_its_worker_nothing(real):
    """The worker goes on with the next file in the same process."""
    send(real, "u1", b"PK\x03\x04" + b"\xff" * 500)
    send(real, "u2", csv_text(line()))
    for id_ in ("u1", "u2"):
        real.uploads.check(ORG, id_, Wanted())
    with worker(real) as process:
        assert until(real, "u1", State.CHECKED, State.FAILED).state is State.FAILED
        assert until(real, "u2", State.CHECKED, State.FAILED).state is State.CHECKED
        assert process.poll() is None


def test_once_does_what_waits(real):
    send(real, "u1", csv_text(line()))
    real.uploads.check(ORG, "u1", Wanted())
    with worker(real, "--once") as process:
        assert process.wait(SECONDS) == 0
    assert real.uploads.find(ORG, "u1").state is State.CHECKED


def test_a_database_that_is_away_is_told_and_looked_for_again(system, monkeypatch, caplog):
    def away(_):
        raise CarbonError("store.unavailable", reason="connection refused")

    monkeypatch.setattr(type(system.uploads), "work", lambda _, stop: away(stop))
    door.look_files(system, lambda: False)
    assert "store.unavailable" in caplog.text


def result_of(system, name):
    assert system.jobs.attempt(system.jobs.worker(), name) == "done"
    return system.jobs.runs.latest(name, 1)[0].result


def test_files_go_after_their_days(system, clock):
    send(system, "u1", csv_text(line()))
    assert result_of(system, "uploads") == {"expired": 0}
    clock.move(days=31)
    assert result_of(system, "uploads") == {"expired": 1}
    with pytest.raises(CarbonError):
        system.uploads.arriving(ORG, "u1", 0).__enter__()


def test_proofs_that_ended_go(system, clock):
    later = (clock.at + timedelta(minutes=1)).astimezone(UTC).isoformat(timespec="microseconds")
    with raw(system.settings) as connection:
        connection.insert("seen_nonce", expires_at=later)
        assert result_of(system, "access")["seen_nonce"] == 0
        clock.move(minutes=5)
        assert result_of(system, "access")["seen_nonce"] == 1
        assert connection.rows("seen_nonce") == []
