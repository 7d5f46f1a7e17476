"""R3: kill −9 at random moments of issuing and restating; each happens as a whole, once, or not."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from carbon.bootstrap.system import System
from conftest import ROOT, FixedClock, environment_of, new_database, settings_at
from pilot import REPORT, Pilot, quiet

#: Kills per engine; `make soak` asks for 100.
KILLS = int(os.environ.get("CARBON_KILLS", "6"))
WORKER = Path(__file__).with_name("registry_worker.py")
#: Longest time the two acts take, with some to spare (seconds).
LONGEST = 0.6


@pytest.fixture
def stated(system, phone, tmp_path):
    """A pilot with a published statement, all its connections closed, and the fact of a record."""
    pilot = Pilot(system, tmp_path)
    pilot.to_statement(phone)
    fact = pilot.registry.restatements.fact_of("r1", "local")
    system.close()
    return system.settings, fact


def another(settings, request, folder):
    """The same state of a system in another place: a copy of its files and of its database."""
    shutil.copytree(settings.log.parent, folder)
    if settings.database.startswith("sqlite"):
        return settings_at(folder)
    cluster = request.getfixturevalue("cluster")
    return settings_at(folder, cluster, new_database(cluster, make_url(settings.database).database))


def killed(settings, fact, keys, seconds):
    """What a worker acknowledged before it was killed."""
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "tools")])
    environment = {**os.environ, **environment_of(settings), "PYTHONPATH": paths}
    command = [sys.executable, str(WORKER), REPORT, fact, str(keys)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert json.loads(child.stdout.readline()) == "ready"
        time.sleep(seconds)
        child.kill()
        return [json.loads(line) for line in child.stdout.read().splitlines()]


def test_issue_and_restate_are_whole_or_not_at_all(stated, request, tmp_path):
    settings, fact = stated
    chance, seen = random.Random(11), set()
    for number in range(KILLS):
        own = another(settings, request, tmp_path / f"copy-{number}")
        told = killed(own, fact, tmp_path, chance.uniform(0, LONGEST))
        seen.add(len(told))
        check(own, fact, tmp_path, told)
    assert seen, "something was killed"


def check(settings, fact, folder, told):
    """After the crash: nothing acknowledged is lost, asking again changes nothing twice."""
    system = System(settings, FixedClock())
    pilot = Pilot(system, folder)
    with pilot.registry.reading() as decisions:
        issued = decisions.find("issuance", REPORT)
        restated = decisions.every("restatement")
        waiting = decisions.waiting()
    assert len(restated) <= 1
    assert len(told) <= (issued is not None) + len(restated), "acknowledged means stored"
    if told:
        assert issued.decision.effect == told[0]["effect"]
    # One signature of two may have been kept: the second completes it.
    assert {w.kind for w in waiting} <= {"issuance", "restatement"}
    again = pilot.issue()
    assert again["state"] == "done"
    assert issued is None or again["effect"] == issued.decision.effect
    assert again["effect"]["serials"][0]["first"] == "1", "no serial was lost on the way"
    if not restated:
        pilot.restate([fact], [], "returned", "came back", pilot.keys("anne", "bert"))
    with pilot.registry.reading() as decisions:
        assert len(decisions.every("issuance")) == len(decisions.every("restatement")) == 1
        assert decisions.waiting() == []
    system.sequence(quiet)
    assert [d.say("en") for d in system.reconcile(quiet).differences] == []
    system.close()
