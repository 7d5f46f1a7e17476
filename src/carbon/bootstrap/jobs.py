"""Recurring work of a system: each job is one service call with a timetable."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from carbon.adapters.clock import ZONE
from carbon.adapters.store.backup import MANIFEST
from carbon.adapters.store.holds import expire_holds
from carbon.adapters.store.job_runs import JobRuns
from carbon.domain.credit.standing import position
from carbon.domain.credit.verification import findings_of
from carbon.domain.errors import CarbonError
from carbon.domain.period import Period
from carbon.domain.schedule import Daily, Every, Monthly, Schedule
from carbon.ports import Progress
from carbon.ports.work import Run
from carbon.services.run import Worker, run_once

if TYPE_CHECKING:
    from carbon.bootstrap.system import System

#: How long what came of a run is kept, how many backups are, and how soon findings are announced.
KEPT: Final = timedelta(days=30)
BACKUPS: Final = 14
SOON: Final = timedelta(days=7)
_STAMP: Final = "%Y%m%dT%H%M%SZ"
#: Findings named in a result.
_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Job:
    """A name, a timetable, what it is in both languages, and the call."""

    name: str
    schedule: Schedule
    zh: str
    en: str
    act: Callable[[System, Run, Progress], Mapping[str, Any]]


def _sequence(system: System, _: Run, progress: Progress) -> Mapping[str, Any]:
    head = system.sequence(progress)
    return {"log_size": 0 if head is None else head.size}


def _settle(system: System, _: Run, __: Progress) -> Mapping[str, Any]:
    answers = system.registry.settle()
    return {"done": sum(a["state"] == "done" for a in answers), "held_back": _held_back(answers)}


def _held_back(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    held = [f"{a['kind']} {a['id']}: {a['reason']}" for a in answers if a["state"] != "done"]
    return held[:_NAMED]


def _holds(system: System, _: Run, progress: Progress) -> Mapping[str, Any]:
    ended = 0
    while True:
        with system.database.write() as connection:
            found = expire_holds(connection, system.clock.now())
        ended += len(found)
        progress(ended, None)
        if not found:
            return {"expired": ended}


def _access(system: System, _: Run, __: Progress) -> Mapping[str, Any]:
    """Sessions, codes, nonces and tries that ended; security events that are old enough."""
    return system.accounts.expire()


def _findings(system: System, _: Run, __: Progress) -> Mapping[str, Any]:
    """Clarifications and forward actions whose clock runs out, or has."""
    today = system.registry.today
    with system.registry.reading() as decisions:
        projects = [found.decision.id for found in decisions.every("project")]
        found = [f for name in projects for f in findings_of(decisions, name).values()]
    waiting = [f for f in found if f.closed_on is None and f.answered_on is None]
    overdue = sorted(f.id for f in waiting if f.due < today)
    soon = sorted(f.id for f in waiting if today <= f.due <= today + SOON)
    return {"overdue": overdue[:_NAMED], "due_within_days": soon[:_NAMED]}


def _months(system: System, run: Run, _: Progress) -> Mapping[str, Any]:
    """The month that ended before the due day is closed by the calendar; which reports it lacks."""
    before = run.due_at.astimezone(ZONE).replace(day=1) - _DAY
    name = str(Period.parse(f"{before:%Y-%m}"))
    with system.registry.reading() as decisions:
        projects = [found.decision.id for found in decisions.every("project")]
        lacking = [p for p in projects if position(decisions, p, name).part == 0]
    return {"closed": name, "unreported": lacking[:_NAMED]}


_DAY: Final = timedelta(days=1)


def _reconcile(system: System, _: Run, progress: Progress) -> Mapping[str, Any]:
    found = system.reconcile(progress)
    if found.differences:
        first, count = found.differences[0], len(found.differences)
        raise CarbonError("job.differences", count=count, first=first)
    return {"differences": 0}


def _backup(system: System, run: Run, _: Progress) -> Mapping[str, Any]:
    """A folder named by the due moment; a half-made one of an attempt that died is made anew."""
    folder = system.settings.backups / run.due_at.strftime(_STAMP)
    if not (folder / MANIFEST).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        system.backup(folder)
    made = sorted(path for path in system.settings.backups.iterdir() if path.is_dir())
    for old in made[:-BACKUPS]:
        shutil.rmtree(old)
    return {"folder": str(folder), "kept": len(made[-BACKUPS:])}


def _prune(system: System, _: Run, __: Progress) -> Mapping[str, Any]:
    return {"runs": system.jobs.runs.prune(system.clock.now() - KEPT)}


def _uploads(system: System, _: Run, __: Progress) -> Mapping[str, Any]:
    return {"expired": system.uploads.expire()}


#: All jobs. Solvency joins them with points.
JOBS: Final[Mapping[str, Job]] = {
    job.name: job
    for job in (
        Job("sequence", Every(20), "排序并签发检查点", "Sequence and sign a checkpoint", _sequence),
        Job("settle", Every(30), "使到期的决定生效", "Let due decisions take effect", _settle),
        Job("holds", Every(60), "释放到期的冻结", "Give back holds that ran out", _holds),
        Job("uploads", Every(600), "删除到期的上传文件", "Remove uploads after 30 days", _uploads),
        Job("access", Every(60), "清除过期的会话与验证码", "End old sessions and codes", _access),
        Job("findings", Daily(8), "核查发现的时限", "Clocks of findings", _findings),
        Job("months", Monthly(1, 6), "月度关账与待报告", "Months closed and unreported", _months),
        Job("reconcile", Daily(2, 30), "对账", "Reconcile store, ledger and log", _reconcile),
        Job("backup", Daily(3, 30), "备份", "Back the database up", _backup),
        Job("prune", Daily(4), "清理运行记录", "Forget old runs", _prune),
    )
}


def job_named(name: str) -> Job:
    """A job. Raises ``job.unknown``."""
    if name not in JOBS:
        raise CarbonError("job.unknown", job=name, known=", ".join(JOBS))
    return JOBS[name]


class Jobs:
    """Runs of a system's jobs."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.runs = JobRuns(system.database)

    def worker(self, stopping: Callable[[], bool] = lambda: False) -> Worker:
        """This process as a worker."""
        name = f"{socket.gethostname()}/{os.getpid()}"
        return Worker(name, self.runs, self._system.clock, stopping)

    def attempt(self, worker: Worker, name: str) -> str | None:
        """Do the latest due run of a job unless it is done; what came of it.

        Runs that were missed are caught up by their latest one: each does all there is to do.
        """
        job = job_named(name)
        return self._do(worker, job, job.schedule.due(self._system.clock.now()))

    def attempt_asked(self, worker: Worker) -> list[str | None]:
        """Do every run that was asked for or given back."""
        return [self._do(worker, job_named(name), at) for name, at in self.runs.asked()]

    def _do(self, worker: Worker, job: Job, due_at: Any) -> str | None:
        run = Run(job.name, due_at, "running", 0)
        return run_once(
            worker, job.name, due_at, lambda progress: job.act(self._system, run, progress)
        )

    def ask(self, name: str, request: str) -> Run:
        """Ask for a run now. Raises ``job.unknown``, ``request.conflict``."""
        return self.runs.ask(job_named(name).name, request, self._system.clock.now())

    def status(self) -> list[dict[str, Any]]:
        """Every job with its last run and its next due moment."""
        now = self._system.clock.now()
        told = []
        for job in JOBS.values():
            last = self.runs.latest(job.name, 1)
            told.append(
                {
                    "job": job.name,
                    "title": {"zh": job.zh, "en": job.en},
                    "next_due_at": job.schedule.following(now).isoformat(timespec="seconds"),
                    "last": told_run(last[0]) if last else None,
                }
            )
        return told


def told_run(run: Run) -> dict[str, Any]:
    """A run as it is shown."""
    times = {name: getattr(run, name) for name in ("due_at", "started_at", "ended_at")}
    return {
        "job": run.job,
        "state": run.state,
        "attempt": run.attempt,
        **{name: at and at.isoformat(timespec="seconds") for name, at in times.items()},
        "code": run.code,
        "result": run.result,
        "request": run.request,
    }
