"""R3: kill −9 while many callers record at once; whatever was acknowledged is there, once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from callers import CALLERS, ask_of
from carbon.adapters.store import tables as t
from carbon.bootstrap.system import System
from conftest import ROOT, FixedClock, environment_of

#: Kills per engine; `make soak` asks for 100.
KILLS = int(os.environ.get("CARBON_KILLS", "3"))
WORKER = Path(__file__).with_name("recording_worker.py")
#: Longest time a worker lives, in seconds: some transactions of its callers.
LONGEST = 1.0
#: Records after the last acknowledged one that a caller may have sent.
AHEAD = 3


def killed(settings, seconds):
    """What a worker acknowledged before it was killed."""
    paths = os.pathsep.join(str(ROOT / name) for name in ("src", "tests", "tools"))
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": paths}
    command = [sys.executable, str(WORKER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert json.loads(child.stdout.readline()) == "ready"
        time.sleep(seconds)
        child.kill()
        # The last line may have been cut off.
        return [json.loads(line) for line in child.stdout if line.endswith("\n")]


def test_nothing_acknowledged_is_lost_or_doubled(home):
    system = System(home, FixedClock())
    system.init_log("log.example.cn/hedong")
    chance, told, last = random.Random(11), {}, dict.fromkeys(range(CALLERS), 0)
    for _ in range(KILLS):
        for caller, number, answer in killed(home, chance.uniform(0.2, LONGEST)):
            assert told.setdefault((caller, number), answer) == answer, "told the same again"
            last[caller] = max(last[caller], number)
    assert told, "something was recorded before it was killed"
    for caller, number in last.items():
        asks = [ask_of(caller, n + 1) for n in range(number + AHEAD)]
        for n, answer in enumerate(system.records.record_each(asks), 1):
            assert answer["accepted"] == 1
            assert told.get((caller, n), answer) == answer, "acknowledged means stored"
    everything = sum(number + AHEAD for number in last.values()) + 1
    with system.database.read() as connection:
        for table in (t.claim, t.activity, t.quantity, t.personal, t.life_entry):
            count = sa.select(sa.func.count()).select_from(table)
            assert connection.execute(count).scalar_one() == everything, table.name
    system.sequence(lambda *_: None)
    found = system.reconcile(lambda *_: None)
    assert (found.differences, found.pending) == ([], 0)
    system.close()
