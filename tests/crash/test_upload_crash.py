"""A worker killed −9 at random moments of a commit: the next one takes over, all is stored once."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from carbon.bootstrap.system import System
from carbon.domain.upload import LEASE_SECONDS, MAX_TRIES, Announced, State, Wanted
from carbon.ports.recording import Whose
from conftest import FixedClock, a_phone, environment_of, write_csv

WORKER = Path(__file__).with_name("upload_worker.py")
UPLOADS = int(os.environ.get("CARBON_KILLS", "10")) // 2
ROWS = 300
QUIET = lambda *_: None  # noqa: E731  progress nobody watches


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


def run(nursery, home, clock, seconds=None) -> int:
    """Exit status of a worker; killed after some seconds unless it was faster."""
    job = {"environment": environment_of(home), "at": clock.now().isoformat()}
    nursery.stdin.write(json.dumps(job) + "\n")
    nursery.stdin.flush()
    child = int(nursery.stdout.readline())
    killer = threading.Timer(seconds or 600, os.kill, (child, signal.SIGKILL))
    killer.start()
    status = int(nursery.stdout.readline())
    killer.cancel()
    clock.move(seconds=LEASE_SECONDS + 1)
    return status


def sent(system, folder, number):
    """An upload of phones nobody else tells of, received."""
    phones = [a_phone(number * ROWS + n) for n in range(ROWS)]
    content = write_csv(folder / f"{number}.csv", phones).read_bytes()
    announced = Announced("a.csv", len(content), sha256(content).hexdigest())
    system.uploads.announce("east", f"u{number}", announced)
    with system.uploads.arriving("east", f"u{number}", 0) as piece:
        piece.write(content)
        piece.finish()


def test_killed_at_random_moments_of_a_commit_everything_is_stored_once(home, nursery, tmp_path):
    clock, chance, killed = FixedClock(), random.Random(f"{home.database[:6]}"), 0
    system = System(home, clock)
    system.init_log("log.example.cn/hedong")
    longest = 0.0
    for number in range(UPLOADS + 1):
        id_ = f"u{number}"
        sent(system, tmp_path, number)
        system.uploads.check("east", id_, Wanted())
        assert run(nursery, home, clock) == 0
        system.uploads.commit("east", id_, accept_valid=False)
        if number:
            # As often as may be: one more would give the upload up.
            for _ in range(MAX_TRIES - 1):
                status = run(nursery, home, clock, chance.uniform(0, longest))
                killed += status == -signal.SIGKILL
        started = time.monotonic()
        assert run(nursery, home, clock) == 0
        longest = longest or time.monotonic() - started
        found = system.uploads.find("east", id_)
        assert found.state is State.STORED, found.report
        assert found.report["stored"]["accepted"] == ROWS, "stored with the facts, or not at all"
    assert killed
    count, cursor = 0, None
    while page := system.records.page(Whose(source="east"), cursor, 100):
        count, cursor = count + len(page), page[-1].fact
    assert count == (UPLOADS + 1) * ROWS
    system.sequence(QUIET)
    assert system.reconcile(QUIET).differences == []
    system.close()
