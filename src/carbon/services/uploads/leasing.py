"""The right of one worker to an upload: said again by a thread, lost with its fencing number."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from carbon.domain.errors import CarbonError
from carbon.domain.upload import LEASE_SECONDS
from carbon.ports import Clock
from carbon.ports.uploads import Upload, UploadBook

_log = logging.getLogger(__name__)

#: Seconds between two times a worker says that it is at work, and how far it is.
BEAT_SECONDS: Final = 1.0


class StoppedError(Exception):
    """The worker was told to stop: the work is another one's."""


class Lease:
    """Keeps an upload while the block runs; :meth:`progress` is where the work may be ended."""

    def __init__(
        self, book: UploadBook, clock: Clock, upload: Upload, stop: Callable[[], bool]
    ) -> None:
        self._book, self._clock, self._upload, self._stop = book, clock, upload, stop
        self._seen: tuple[int, int | None] = (0, None)
        self._lost, self._done = Event(), Event()
        self._thread = Thread(target=self._keep, name=f"lease {upload.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def progress(self, rows: int, total: int | None) -> None:
        """Note how far it is. Raises :class:`StoppedError`, ``upload.lost``."""
        self._seen = (rows, total)
        if self._lost.is_set():
            raise CarbonError("upload.lost", id=self._upload.id)
        if self._stop():
            raise StoppedError

    def _keep(self) -> None:
        while not self._done.wait(BEAT_SECONDS):
            try:
                kept = self._book.hold(self._upload, **self._said())
            except CarbonError as error:
                # The database may be busy for a moment, with a submission of this very upload too;
                # if it stays so, the lease ends by itself.
                _log.warning("lease of upload %s not renewed: %s", self._upload.id, error)
                continue
            if not kept:
                self._lost.set()
                return

    def _said(self) -> dict[str, Any]:
        rows, total = self._seen
        until = self._clock.now() + timedelta(seconds=LEASE_SECONDS)
        return {"rows": rows, "total": total, "expires_at": until}
