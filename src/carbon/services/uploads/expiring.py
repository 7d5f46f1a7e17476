"""Files of uploads are deleted when their time is over, or nobody wants them any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from carbon.domain.upload import KEPT_DAYS, State
from carbon.ports import Clock
from carbon.ports.uploads import UploadBook, UploadFiles
from carbon.services.uploads.asking import FREE

#: Uploads looked at in one call.
MAX_AT_ONCE: Final = 1_000


def expire(book: UploadBook, files: UploadFiles, clock: Clock) -> int:
    """Delete what is due: files, and what was said about them; how many uploads.

    First nobody can work on an upload any more, then its files go, and only then the book forgets
    where they were: who is interrupted goes on from there.
    """
    now, done = clock.now(), 0
    for upload in book.due(now - timedelta(days=KEPT_DAYS), MAX_AT_ONCE):
        state = State.CANCELLED if upload.state is State.CANCELLED else State.EXPIRED
        fence = upload.fence + 1
        gone = {"name": "", "mapping": "", "report": None, "annotated": None, **FREE}
        if not book.change(upload, state=state, fence=fence, changed_at=now, **gone):
            continue
        files.remove(upload.folder)
        done += book.hold(replace(upload, fence=fence), folder="")
    return done
