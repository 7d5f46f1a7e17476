"""``carbon worker``: the clock. Looks every so often whether something is due, and does it.

Any number of workers may run: each run is one worker's, the others stand by.
"""

from __future__ import annotations

import argparse
import logging
import logging.config
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from carbon.adapters.json_log import LOGGING
from carbon.bootstrap.jobs import JOBS
from carbon.bootstrap.system import System
from carbon.domain.errors import CarbonError
from carbon.domain.schedule import Every
from carbon.services.run import Worker
from carbon.settings import Settings

_log = logging.getLogger(__name__)

HELP: Final = "做到期的事：排序、到期、对账、备份等。 Does what is due."
#: Seconds between looks for what is due daily, for what was asked for, and for files.
_LOOK: Final = 30
_ASKED: Final = 2
_FILES: Final = 1


def look(system: System, worker: Worker, name: str) -> None:
    """Do a job's latest run if it is due; whatever it meets, the worker goes on."""
    try:
        outcome = system.jobs.attempt(worker, name)
    except CarbonError as error:
        _log.warning("job %s: %s", name, error.code)
        return
    if outcome is not None:
        _log.info("job", extra={"fields": {"job": name, "outcome": outcome}})


def look_asked(system: System, worker: Worker) -> None:
    """Do what was asked for."""
    try:
        for outcome in system.jobs.attempt_asked(worker):
            _log.info("asked", extra={"fields": {"outcome": outcome}})
    except CarbonError as error:
        _log.warning("asked: %s", error.code)


def look_files(system: System, stop: Callable[[], bool]) -> None:
    """Check and store the files that wait, one after another."""
    try:
        done = system.uploads.work(stop)
    except CarbonError as error:
        _log.warning("uploads: %s", error.code)
        return
    if done:
        _log.info("uploads", extra={"fields": {"done": done}})


def work(system: System, stop: threading.Event) -> None:
    """Look for work until told to stop; what is under way then ends or gives its run back."""
    worker = system.jobs.worker(stop.is_set)
    scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(len(JOBS) + 2)})
    for job in JOBS.values():
        seconds = job.schedule.seconds if isinstance(job.schedule, Every) else _LOOK
        _add(scheduler, look, seconds, system, worker, job.name)
    _add(scheduler, look_asked, _ASKED, system, worker)
    _add(scheduler, look_files, _FILES, system, stop.is_set)
    scheduler.start()
    stop.wait()
    scheduler.shutdown(wait=True)


def _add(scheduler: BackgroundScheduler, act: object, seconds: int, *given: object) -> None:
    """Looks that were missed are one look, and a look that takes long is not doubled."""
    scheduler.add_job(
        act,
        "interval",
        seconds=min(seconds, _LOOK),
        args=given,
        coalesce=True,
        max_instances=1,
        misfire_grace_time=None,
    )


def _work_once(system: System) -> None:
    """Do everything that is due now."""
    worker = system.jobs.worker()
    for name in JOBS:
        look(system, worker, name)
    look_asked(system, worker)
    look_files(system, lambda: False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="carbon worker", description=HELP)
    parser.add_argument(
        "--once", action="store_true", help="做完到期的就结束 / do what is due and end"
    )
    return parser


def run(arguments: Sequence[str]) -> int:
    """``carbon worker`` with its arguments; the exit code. Raises ``store.*``."""
    given = _parser().parse_args(arguments)
    logging.config.dictConfig(LOGGING)
    system, stop = System(Settings.read()), threading.Event()
    system.database.ready()

    def told(_: int, __: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    try:
        _work_once(system) if given.once else work(system, stop)
    finally:
        system.close()
    return 0
