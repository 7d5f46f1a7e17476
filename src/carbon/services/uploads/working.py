"""What workers do: take one upload after another, check or store it, say what became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from carbon.domain.errors import CarbonError
from carbon.domain.upload import LEASE_SECONDS, MAX_TRIES, RUNNING, State, Task
from carbon.ports import Clock
from carbon.ports.uploads import Performer, Upload, UploadBook
from carbon.services.uploads.asking import FREE
from carbon.services.uploads.leasing import Lease, StoppedError

_log = logging.getLogger(__name__)

#: Uploads done in one call, and those looked at to find one that nobody else takes.
MAX_AT_ONCE: Final = 100
_LOOKED_AT: Final = 10
#: Families of faults that are the service's own: the upload is tried again.
_OURS: Final = ("store.", "key.")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a worker works."""

    book: UploadBook
    clock: Clock
    perform: Mapping[Task, Performer]


def work(desk: Desk, stop: Callable[[], bool]) -> int:
    """Do what waits until nothing does, or ``stop`` says so; how many uploads came to an end.

    Raises ``store.*`` and ``key.*``, after which the upload is another worker's.
    """
    done = 0
    while done < MAX_AT_ONCE and not stop():
        upload = _take(desk)
        if upload is None:
            break
        done += _perform(desk, upload, stop)
    return done


def _take(desk: Desk) -> Upload | None:
    """The next upload, now this worker's; ``None`` where there is none."""
    now, owner = desk.clock.now(), uuid4().hex
    for seen in desk.book.waiting(now, _LOOKED_AT):
        assert seen.task is not None, "what waits has a task"  # noqa: S101
        values: dict[str, Any] = {
            "state": RUNNING[seen.task],
            "fence": seen.fence + 1,
            "tries": seen.tries + 1,
            "expires_at": now + timedelta(seconds=LEASE_SECONDS),
        }
        if desk.book.change(seen, **values, owner=owner):
            return replace(seen, **values)
    return None


def _perform(desk: Desk, upload: Upload, stop: Callable[[], bool]) -> bool:
    """Do the task of an upload; false where it goes back to the queue or is somebody else's."""
    report: dict[str, Any] = dict(upload.report or {})
    report.pop("error", None)
    if upload.tries > MAX_TRIES:
        fault = CarbonError("upload.given_up", id=upload.id, tries=MAX_TRIES)
        return _fail(desk, upload, report, fault)
    assert upload.task is not None, "what is at work has a task"  # noqa: S101
    try:
        with Lease(desk.book, desk.clock, upload, stop) as lease:
            written = desk.perform[upload.task](upload, report, lease.progress)
    except StoppedError:
        given_back = {"state": State.QUEUED, "tries": upload.tries - 1, "fence": upload.fence + 1}
        desk.book.hold(upload, **given_back, **FREE)
        return False
    except CarbonError as error:
        if error.code == "upload.lost":
            return False
        if error.code.startswith(_OURS):
            raise
        return _fail(desk, upload, report, error)
    except Exception:  # noqa: BLE001  a file nobody thought of ends its upload, not the worker
        reference = uuid4().hex[:12]
        _log.exception("upload %s failed, reference %s", upload.id, reference)
        fault = CarbonError("upload.unreadable", id=upload.id, reference=reference)
        return _fail(desk, upload, report, fault)
    return written or desk.book.hold(upload, **ended(desk.clock, upload, report))


def ended(clock: Clock, upload: Upload, report: Mapping[str, Any]) -> dict[str, Any]:
    """What an upload is when its task is done; the number goes up, so that it is done once."""
    state = State.CHECKED if upload.task is Task.CHECK else State.STORED
    rows = report["stored" if state is State.STORED else "summary"]["rows"]
    done = {"state": state, "report": report, "rows": rows, "total": rows}
    return {**done, **_left(clock, upload)}


def _fail(desk: Desk, upload: Upload, report: dict[str, Any], error: CarbonError) -> bool:
    report["error"] = {
        "code": error.code,
        "messages": {"zh": error.say("zh"), "en": error.say("en")},
    }
    left = _left(desk.clock, upload)
    return desk.book.hold(upload, state=State.FAILED, report=report, **left)


def _left(clock: Clock, upload: Upload) -> dict[str, Any]:
    """What a worker leaves behind it."""
    fence = upload.fence
    return {"annotated": fence, "fence": fence + 1, "changed_at": clock.now(), **FREE}
