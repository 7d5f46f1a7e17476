"""Group commit: journals of many callers posted in one transaction, each with its own answer.

An account that everybody uses (issuer, fees, cash) is locked by one transaction at a time, so that
single posts wait for one another; a thousand journals in one transaction lock it once.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from carbon.domain.errors import CarbonError
from carbon.domain.ledger.journal import Journal
from carbon.ports.ledger import MAX_BATCH, Answer, Poster

#: How long a journal waits for company, in seconds.
GATHER_SECONDS = 0.015
#: Journals that wait at most; more are refused.
MAX_WAITING = 50_000

_Item = tuple[Journal, "Future[Answer]"]


class GroupCommit:
    """Posts what is handed to it, from any thread, by one worker of its own.

    It posts as soon as ``MAX_BATCH`` journals wait, or the first has waited ``GATHER_SECONDS``.
    Use it as a context; at its end everything handed over is posted.
    """

    def __init__(self, poster: Poster) -> None:
        self._poster = poster
        self._waiting: queue.Queue[_Item | None] = queue.Queue(MAX_WAITING)
        self._handing = threading.Lock()
        self._open = True
        self._worker = threading.Thread(target=self._work, name="group-commit")
        self._worker.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def post(self, journal: Journal) -> Future[Answer]:
        """Hand a journal over; the future has its answer, or raises ``store.*``.

        Raises ``ledger.busy`` when too many wait, or after the end.
        """
        future: Future[Answer] = Future()
        with self._handing:
            if not self._open:
                raise CarbonError("ledger.busy", key=journal.key)
            try:
                self._waiting.put_nowait((journal, future))
            except queue.Full as error:
                raise CarbonError("ledger.busy", key=journal.key) from error
        return future

    def close(self) -> None:
        """Take no more, post everything that waits, and end the worker."""
        with self._handing:
            first, self._open = self._open, False
        if first:
            self._waiting.put(None)
        self._worker.join()

    def _work(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._gather()
            if batch:
                self._flush(batch)

    def _gather(self) -> tuple[list[_Item], bool]:
        """The next batch, and whether it is the last."""
        item = self._waiting.get()
        batch: list[_Item] = []
        until = time.monotonic() + GATHER_SECONDS
        while item is not None:
            batch.append(item)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                item = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return batch, False
        return batch, True

    def _flush(self, batch: Sequence[_Item]) -> None:
        # A caller that gave up in time is not posted.
        batch = [item for item in batch if item[1].set_running_or_notify_cancel()]
        try:
            answers = self._poster([journal for journal, _ in batch])
        except BaseException as error:  # noqa: BLE001  told to everyone who waits for it
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            future.set_result(answer)
