"""Do a due piece of work once, however many workers there are.

A worker takes a run under a lease, goes on holding it while it works, and ends it under the number
of its attempt: one that was given up for lost ends nothing. The work itself must bear being done
again from its beginning, since a worker may die after its effect and before its word.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from carbon.domain.errors import CarbonError
from carbon.ports import Clock, Progress
from carbon.ports.work import Runs

_log = logging.getLogger(__name__)

#: How long a worker is believed in that is not heard of; it says something three times as often.
LEASE = timedelta(seconds=60)

#: A piece of work: told how far it is by a call that raises when it is to stop; what came of it.
Act = Callable[[Progress], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works: its name, and whether it was told to stop."""

    name: str
    runs: Runs
    clock: Clock
    stopping: Callable[[], bool] = lambda: False


@dataclass(slots=True)
class _Held:
    """A run this worker holds, or has lost."""

    job: str
    due_at: datetime
    attempt: int
    lost: threading.Event = field(default_factory=threading.Event)


def run_once(worker: Worker, job: str, due_at: datetime, act: Act) -> str | None:
    """Do a run unless another one does or did.

    Returns ``done``, ``failed``, ``stopped`` or ``lost``; ``None`` where it was not taken.
    Raises ``store.*`` where the run cannot even be taken.
    """
    now = worker.clock.now()
    attempt = worker.runs.claim(job, due_at, worker.name, now, now + LEASE)
    if attempt is None:
        return None
    held = _Held(job, due_at, attempt)
    with _holding(worker, held):
        code, result = _acted(worker, held, act)
    if code == "job.stopped":
        worker.runs.give_back(job, due_at, attempt)
        return "stopped"
    ended = worker.runs.finish(job, due_at, attempt, worker.clock.now(), code, result)
    if not ended:
        return "lost"
    return "done" if code is None else "failed"


def _acted(worker: Worker, held: _Held, act: Act) -> tuple[str | None, Mapping[str, Any]]:
    def progress(rows: int, total: int | None) -> None:  # noqa: ARG001  a port
        if worker.stopping() or held.lost.is_set():
            raise CarbonError("job.stopped", job=held.job)

    try:
        return None, act(progress)
    except CarbonError as error:
        return error.code, {"zh": error.say("zh"), "en": error.say("en")}
    except Exception as error:  # noqa: BLE001  told below
        # Whatever one job meets, the others go on; what it was is in the log, not in the answer.
        _log.exception("job %s failed", held.job)
        return "service.failed", {"error": type(error).__name__}


@contextmanager
def _holding(worker: Worker, held: _Held) -> Iterator[None]:
    """Say from time to time that the work goes on, from a thread of its own."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(LEASE.total_seconds() / 3):
            try:
                until = worker.clock.now() + LEASE
                kept = worker.runs.extend(held.job, held.due_at, held.attempt, until)
            except CarbonError as error:
                _log.warning("lease of %s not extended: %s", held.job, error.code)
                continue
            if not kept:
                held.lost.set()
                return

    thread = threading.Thread(target=beat, name=f"lease-{held.job}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
