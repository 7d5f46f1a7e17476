"""R3: kill −9 at random moments of import and sequencing; nothing acknowledged lost or doubled."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.bootstrap.system import System
from carbon.domain.simulation import Simulation
from carbon.files.check_receipt import check
from conftest import FixedClock, environment_of
from simulated_files import write_simulated

#: Kills per engine; `make soak` asks for 100, two hundred in all.
KILLS = int(os.environ.get("CARBON_KILLS", "10"))
WORKER = Path(__file__).with_name("worker.py")
#: As many files as keep half of the kills busy: what is done once is only answered.
FILES = max(3, KILLS // 2)


@dataclass
class Nursery:
    """Starts children that work until they are done or killed."""

    process: subprocess.Popen[str]

    def run(self, job: dict[str, Any], seconds: float | None) -> int:
        """Exit status of a child; killed after some seconds unless it was faster."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        killer = threading.Timer(seconds or 600, os.kill, (child, signal.SIGKILL))
        killer.start()
        status = int(self.process.stdout.readline())
        killer.cancel()
        return status


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield Nursery(process)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(60)
    assert process.stdout is not None
    process.stdout.close()


def test_killed_at_random_moments_nothing_is_lost_or_doubled(home, nursery, tmp_path):
    first = System(home, FixedClock())
    first.init_log("log.example.cn/hedong")
    first.close()
    files = [
        str(write_simulated(tmp_path / f"{n}.csv", Simulation(seed=n, days=1)))
        for n in range(1, FILES + 1)
    ]
    chance, killed = random.Random(f"{home.database[:6]}"), 0
    told = tmp_path / "told"
    job = {"environment": environment_of(home), "told": str(told)}
    started = time.monotonic()
    assert nursery.run({**job, "files": files[:1]}, None) == 0
    longest = time.monotonic() - started
    for number in range(KILLS):
        # Files done before are answered, the next one is worked on.
        todo = files[: 2 + number * (FILES - 2) // KILLS]
        killed += nursery.run({**job, "files": todo}, chance.uniform(0, longest)) == -signal.SIGKILL
    assert nursery.run({**job, "files": files}, None) == 0
    assert killed >= KILLS // 4, "the moments must hit running work"
    system = System(home, FixedClock())
    _counts_exactly(system, [json.loads(line) for line in told.read_text().splitlines()], files)
    system.close()


def _counts_exactly(system: System, told: list[dict[str, Any]], files: list[str]) -> None:
    answers: dict[str, dict[str, Any]] = {}
    for entry in (e for e in told if "file" in e):
        known = answers.setdefault(entry["file"], entry["answer"])
        assert known == entry["answer"], "the same request is always told the same"
    assert set(answers) == set(files)
    sizes = [entry["size"] for entry in told if "size" in entry]
    assert sizes == sorted(sizes), "the log only grows"
    accepted = sum(a["accepted"] for a in answers.values())
    with system.database.read() as connection:
        for table in (t.activity, t.quantity, t.claim, t.personal):
            count = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            assert count == accepted, table.name
    found = system.reconcile(lambda *_: None)
    assert (found.differences, found.pending, found.rows) == ([], 0, accepted)
    assert found.facts == max(sizes) == FILES + 2, "one leaf a file, catalogue and formula"


class Crash(BaseException):
    """Stands for the process ending here: nothing after this line runs."""


#: Named moments of sequencing: where the process ends, before or after the step.
POINTS = [
    (owner, step, moment)
    for owner, step in (
        ("files", "stage"),
        ("queue", "advance"),
        ("files", "apply"),
        ("files", "_release"),
        ("files", "publish"),
    )
    for moment in ("before", "after")
]


@pytest.mark.parametrize(("owner", "step", "moment"), POINTS)
def test_sequencing_ended_at_a_named_moment_is_finished_by_the_next_run(
    system, clock, phone, monkeypatch, owner, step, moment
):
    for n in range(5):
        system.record(phone(n))
    system.sequence(lambda *_: None)
    for n in range(5, 9):
        system.record(phone(n))
    with monkeypatch.context() as patch:
        _crash_at(patch, owner, step, moment)
        with pytest.raises(Crash):
            system.sequence(lambda *_: None)
    clock.move(minutes=1)
    again = System(system.settings, clock)
    head = again.sequence(lambda *_: None)
    assert head is not None
    assert head.size == 9 + 2
    found = again.reconcile(lambda *_: None)
    assert (found.differences, found.pending, found.facts) == ([], 0, 11)
    for n in range(9):
        receipt = again.receipt(f"r{n}")
        assert all(c.ok for c in check(receipt, again.signer.key.vkey))
    again.close()


def _crash_at(patch: pytest.MonkeyPatch, owner: str, step: str, moment: str) -> None:
    from carbon.adapters.logstore import LogFolder
    from carbon.adapters.store.log_queue import DatabaseQueue

    kind = LogFolder if owner == "files" else DatabaseQueue
    original = getattr(kind, step)

    def ending(self: Any, *arguments: Any) -> Any:
        # Applying is also how recovery begins; the crash is to hit the new checkpoint.
        if step == "apply" and not any((self._spool / "staged").glob("*/tile")):
            return original(self, *arguments)
        if moment == "after":
            original(self, *arguments)
        raise Crash

    patch.setattr(kind, step, ending)
