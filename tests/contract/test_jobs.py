"""The worker's jobs: each run has one effect however many workers there are, and is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from litestar.testing import TestClient

from carbon.adapters.store import tables as t
from carbon.adapters.store.holds import place_holds
from carbon.bootstrap import jobs as jobs_module
from carbon.bootstrap.jobs import JOBS, Job
from carbon.bootstrap.system import System
from carbon.client import Client
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import Account, Policy
from carbon.domain.ledger.journal import Hold, Journal, Transfer
from carbon.domain.roles import Actor, Role
from carbon.domain.schedule import Daily, Every
from carbon.services import run as run_module
from carbon.services.run import LEASE, run_once
from carbon.web.app import create_app
from conftest import ROOT, environment_of
from pilot import REPORT, refused


@pytest.fixture
def jobs(system):
    return system.jobs


@pytest.fixture
def told(monkeypatch):
    """A job that notes each time it is done; returns what it noted."""
    noted = []

    def act(_, run, progress):
        progress(1, 2)
        noted.append(run.due_at)
        return {"times": len(noted)}

    monkeypatch.setitem(JOBS, "note", Job("note", Every(60), "记", "note", act))
    return noted


def test_a_due_run_is_done_once_and_the_next_one_when_it_is_due(jobs, clock, told):
    worker = jobs.worker()
    assert [jobs.attempt(worker, "note") for _ in range(3)] == ["done", None, None]
    clock.move(seconds=59)
    assert jobs.attempt(worker, "note") is None
    clock.move(seconds=1)
    assert jobs.attempt(worker, "note") == "done"
    assert len(told) == 2
    last = jobs.runs.latest("note", 5)
    assert [(r.state, r.attempt, r.result) for r in last] == [
        ("done", 1, {"times": 2}),
        ("done", 1, {"times": 1}),
    ]


def test_many_workers_at_once_have_one_effect(jobs, home, clock, told):
    """Eight workers with connections of their own look at the same moment."""
    systems = [System(home, clock) for _ in range(8)]
    outcomes, start = [], threading.Barrier(8)

    def work(system):
        worker = system.jobs.worker()
        start.wait(10)
        outcomes.append(system.jobs.attempt(worker, "note"))

    threads = [threading.Thread(target=work, args=(system,)) for system in systems]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for system in systems:
        system.close()
    assert sorted(outcomes, key=str) == [None] * 7 + ["done"]
    assert len(told) == 1


def test_missed_runs_are_caught_up_by_their_latest(jobs, clock, told):
    """A worker that was away for an hour does the job once."""
    worker = jobs.worker()
    jobs.attempt(worker, "note")
    clock.move(hours=1)
    assert [jobs.attempt(worker, "note") for _ in range(3)] == ["done", None, None]
    assert told == [clock.at - (clock.at - told[0]), clock.at]


def test_a_run_whose_worker_died_is_taken_over_and_the_dead_one_ends_nothing(jobs, clock):
    """Fencing: who was given up for lost can neither extend nor finish."""
    runs, due = jobs.runs, clock.at
    assert runs.claim("note", due, "one", clock.at, clock.at + LEASE) == 1
    clock.move(seconds=LEASE.total_seconds())
    assert runs.claim("note", due, "two", clock.at, clock.at + LEASE) is None, "not over yet"
    clock.move(seconds=1)
    assert runs.claim("note", due, "two", clock.at, clock.at + LEASE) == 2
    assert not runs.extend("note", due, 1, clock.at + LEASE)
    assert not runs.finish("note", due, 1, clock.at, None, {"by": "one"})
    runs.give_back("note", due, 1)
    assert runs.finish("note", due, 2, clock.at, None, {"by": "two"})
    (run,) = runs.latest("note", 5)
    assert (run.state, run.owner, run.result) == ("done", "two", {"by": "two"})
    assert runs.claim("note", due, "three", clock.at + LEASE, clock.at + LEASE) is None


def test_a_worker_goes_on_holding_what_takes_long(jobs, clock, monkeypatch):
    """The lease is extended while the work goes on, and lost where another one has taken it."""
    monkeypatch.setattr(run_module, "LEASE", LEASE / 600)
    seen = []

    def act(progress):
        time.sleep(0.3)
        with jobs._system.database.read() as connection:
            seen.append(connection.execute(t.job_run.select()).one().lease_until)
        clock.move(seconds=1)
        time.sleep(0.3)
        with jobs._system.database.read() as connection:
            seen.append(connection.execute(t.job_run.select()).one().lease_until)
        jobs.runs.claim("note", due, "thief", clock.at + LEASE, clock.at + LEASE)
        time.sleep(0.3)
        progress(1, None)
        return {}

    due = clock.at
    assert run_once(jobs.worker(), "note", due, act) == "stopped"
    assert seen[1] > seen[0]
    (run,) = jobs.runs.latest("note", 1)
    assert (run.owner, run.state, run.attempt) == ("thief", "running", 2)


def test_a_worker_told_to_stop_gives_its_run_back_at_once(jobs, clock, told):
    """The work learns of it where it says how far it is."""
    stopping = threading.Event()
    stopping.set()
    leaving = jobs.worker(stopping.is_set)

    def act(progress):
        refused("job.stopped", progress, 1, 2)
        return {}

    assert run_once(leaving, "other", clock.at, act) == "done"
    assert jobs.attempt(leaving, "note") == "stopped"
    assert told == []
    assert jobs.attempt_asked(jobs.worker()) == ["done"], "without waiting for a lease to run out"
    assert len(told) == 1


def test_a_failure_is_told_tried_again_and_stops_no_other_job(jobs, clock, monkeypatch, caplog):
    tried = []

    def act(*_):
        tried.append(clock.at)
        if len(tried) == 1:
            raise CarbonError("store.unavailable", reason="away")
        raise RuntimeError("secret")

    monkeypatch.setitem(JOBS, "bad", Job("bad", Daily(1), "坏", "bad", act))
    worker = jobs.worker()
    assert jobs.attempt(worker, "bad") == "failed"
    (run,) = jobs.runs.latest("bad", 1)
    assert (run.code, "away" in run.result["en"]) == ("store.unavailable", True)
    assert jobs.attempt(worker, "bad") is None, "not at once"
    outcomes = []
    for _ in range(4):
        clock.move(minutes=2)
        outcomes.append(jobs.attempt(worker, "bad"))
    assert outcomes == ["failed", "failed", None, None], "three times in all"
    (run,) = jobs.runs.latest("bad", 1)
    assert (run.code, run.result) == ("service.failed", {"error": "RuntimeError"})


def test_a_run_is_asked_for_by_a_client_and_done_once(system, jobs, clock, told):
    """PUT with the client's id: again the same run; for another job it is a conflict."""

    async def operator(_):
        return Actor("o", Role.OPERATOR)

    with TestClient(create_app(system, operator)) as http:
        client = Client("http://testserver.local", http=http)

        def ask(job, run):
            return client.send("PUT", f"/jobs/{job}/runs/{run}").json()

        assert ask("note", "r-1")["state"] == "asked"
        assert ask("note", "r-1")["state"] == "asked"
        assert jobs.attempt_asked(jobs.worker()) == ["done"]
        assert ask("note", "r-1")["state"] == "done"
        assert jobs.attempt_asked(jobs.worker()) == []
        refused("request.conflict", ask, "sequence", "r-1")
        refused("job.unknown", ask, "none", "r-2")
        refused("job.unknown", client.get, "/jobs/none/runs")
        (run,) = client.get("/jobs/note/runs")["items"]
        assert (run["request"], run["result"]) == ("r-1", {"times": 1})
        status = {one["job"]: one for one in client.get("/jobs")["items"]}
        assert status.keys() == JOBS.keys()
        assert status["note"]["last"]["state"] == "done"
        assert status["backup"]["last"] is None
        assert status["backup"]["next_due_at"] > clock.at.isoformat()
    assert len(told) == 1


# --- each job -------------------------------------------------------------------------------------


def result_of(jobs, name):
    worker = jobs.worker()
    assert jobs.attempt(worker, name) == "done", jobs.runs.latest(name, 1)
    return jobs.runs.latest(name, 1)[0].result


def test_leaves_are_published_within_a_minute(system, jobs, phone, clock):
    """R6: whatever was stored is below a checkpoint one look later."""
    system.record(phone(1))
    assert JOBS["sequence"].schedule.seconds <= 30
    size = result_of(jobs, "sequence")["log_size"]
    assert size == system.head_size() > 0


def test_due_decisions_take_effect_and_what_stands_against_one_is_told(pilot_at):
    pilot = pilot_at("issued").demonstrating()
    pilot.trust()
    pilot.transfer("t", 1)
    pilot.transfer("u", 1)
    pilot.clock.move(minutes=10)
    assert result_of(pilot.system.jobs, "settle") == {"done": 2, "held_back": []}
    pilot.transfer("v", 1)
    pilot.decide("freeze", "zhuan/1", {"holder": "zhuan", "reason": "asked"}, "anne")
    pilot.clock.move(minutes=10)
    told = result_of(pilot.system.jobs, "settle")
    assert told == {"done": 0, "held_back": ["transfer v: holding.frozen"]}


def test_holds_that_ran_out_are_given_back(system, jobs, clock):
    accounts = [Account("points", "a", Policy.SOURCE), Account("points", "b", Policy.HOLDER)]
    from carbon.adapters.store.ledger import open_account, post

    with system.database.write() as connection:
        for account in accounts:
            open_account(connection, account, clock.at)
        post(connection, [Journal("k", "gift", (Transfer("points", "a", "b", 5),))], clock.at)
        place_holds(
            connection, [Hold("h", Transfer("points", "b", "a", 5), clock.at + LEASE)], clock.at
        )
    assert result_of(jobs, "holds") == {"expired": 0}
    clock.move(minutes=2)
    assert result_of(jobs, "holds") == {"expired": 1}
    (balance,) = [b for b in system.balances("points") if b.account.code == "b"]
    assert (balance.free, balance.held) == (5, 0)


def test_what_people_no_longer_prove_themselves_with_is_removed(system, jobs, clock):
    system.accounts.admit([("dock-1", "0f" * 16)])
    assert result_of(jobs, "access")["seen_nonce"] == 0
    clock.move(minutes=11)
    assert result_of(jobs, "access")["seen_nonce"] == 1


def test_findings_are_announced_before_their_clock_runs_out_and_after(pilot_at):
    pilot = pilot_at("drawn")
    pilot.inspect()
    finding = pilot.find(REPORT, "FAR", "a log of seals", pilot.key("vera"))["id"]
    jobs = pilot.system.jobs
    assert result_of(jobs, "findings") == {"overdue": [], "due_within_days": []}
    pilot.clock.move(days=25)
    assert result_of(jobs, "findings") == {"overdue": [], "due_within_days": [finding]}
    pilot.clock.move(days=6)
    assert result_of(jobs, "findings") == {"overdue": [finding], "due_within_days": []}
    pilot.answer(finding, "kept from now on", pilot.key("otto"))
    pilot.clock.move(days=1)
    assert result_of(jobs, "findings") == {"overdue": [], "due_within_days": []}


def test_a_closed_month_tells_which_reports_it_lacks(pilot_at):
    """Months close by the calendar; the job says whose report is still to be made."""
    pilot = pilot_at("committed")
    jobs = pilot.system.jobs
    assert result_of(jobs, "months") == {"closed": "2026-10", "unreported": ["phones"]}
    pilot.report()
    pilot.clock.move(days=10)
    assert result_of(jobs, "months") == {"closed": "2026-11", "unreported": ["phones"]}


def test_reconciliation_that_finds_something_is_a_failure_that_says_what(system, jobs, phone):
    system.record(phone(1))
    system.sequence(lambda *_: None)
    assert result_of(jobs, "reconcile") == {"differences": 0}
    (tile,) = (system.settings.log / "tile" / "entries").glob("*.p/*")
    tile.write_bytes(tile.read_bytes().replace(b"record", b"recond", 1))
    jobs._system.clock.move(days=1)
    system.__dict__.pop("log", None)
    assert jobs.attempt(jobs.worker(), "reconcile") == "failed"
    (run,) = jobs.runs.latest("reconcile", 1)
    assert run.code == "job.differences"
    assert "The log is right" in run.result["en"]
    assert "日志为准" in run.result["zh"]


def test_backups_are_named_by_their_due_moment_and_so_many_are_kept(
    system, jobs, clock, tmp_path, monkeypatch
):
    """One that died half-way is made anew by whoever takes over."""
    monkeypatch.setattr(jobs_module, "BACKUPS", 2)
    system.settings = replace(system.settings, backups=tmp_path / "backups")
    due = JOBS["backup"].schedule.due(clock.at)
    half = tmp_path / "backups" / due.strftime(jobs_module._STAMP)
    half.mkdir(parents=True)
    (half / "database").write_bytes(b"half")
    for _ in range(3):
        result_of(jobs, "backup")
        clock.move(days=1)
    folders = sorted((tmp_path / "backups").iterdir())
    assert len(folders) == 2
    for folder in folders:
        assert json.loads((folder / "manifest.json").read_text())["revision"]


def test_old_runs_are_forgotten(jobs, clock, told):
    worker = jobs.worker()
    jobs.attempt(worker, "note")
    assert result_of(jobs, "prune") == {"runs": 0}
    clock.move(days=31)
    jobs.attempt(worker, "note")
    assert result_of(jobs, "prune") == {"runs": 2}
    assert len(jobs.runs.latest("note", 5)) == 1


# --- the process ----------------------------------------------------------------------------------


def test_the_worker_does_what_is_due_until_it_is_told_to_stop(system, phone):
    """A real process: the leaf of a record is published, SIGTERM ends it at once and quietly."""
    system.record(phone(1))
    system.close()
    own = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment_of(system.settings)}
    process = subprocess.Popen(
        [sys.executable, "-m", "carbon", "worker"], env=own, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 60
    while not any(run.state == "done" for run in system.jobs.runs.latest("sequence", 1)):
        assert time.monotonic() < until
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"sequence", "done"} <= {v for line in lines for v in line.values() if type(v) is str}
    assert {line["level"] for line in lines} <= {"info"}
    assert system.head_size() > 0
