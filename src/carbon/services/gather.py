"""Group commit: what many callers hand over is done in one transaction, each with its own answer.

A transaction costs about as much for a hundred items as for one. While one runs, those that come
wait for the next: the more callers there are, the more of them share one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from carbon.domain.errors import CarbonError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Limits:
    """``together``: items of a group; ``seconds``: how long the first one waits for company;
    ``waiting``: items that wait at most; more are refused.
    """

    together: int
    seconds: float
    waiting: int


class Gather(Generic[Item, Answer]):
    """Does what is handed to it, from any thread, by one worker of its own.

    ``act`` gets a group in the order it came and answers each of it; ``busy`` makes the error of
    an item that cannot wait. Use it as a context; at its end everything handed over is done.
    """

    def __init__(
        self,
        act: Callable[[Sequence[Item]], Sequence[Answer]],
        limits: Limits,
        busy: Callable[[Item], CarbonError],
    ) -> None:
        self._act, self._limits, self._busy = act, limits, busy
        self._waiting: queue.Queue[tuple[Item, Future[Answer]] | None] = queue.Queue(limits.waiting)
        self._handing = threading.Lock()
        self._open, self._expected = True, 0
        self._worker = threading.Thread(target=self._work, name="gather")
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

    def hand(self, item: Item) -> Future[Answer]:
        """Hand an item over; the future has its answer, or raises what the act raised.

        Raises ``busy``'s error when too many wait, or after the end.
        """
        future: Future[Answer] = Future()
        with self._handing:
            if not self._open:
                raise self._busy(item)
            try:
                self._waiting.put_nowait((item, future))
            except queue.Full as error:
                raise self._busy(item) from error
        return future

    def close(self) -> None:
        """Take no more, do everything that waits, and end the worker."""
        with self._handing:
            first, self._open = self._open, False
        if first:
            self._waiting.put(None)
        self._worker.join()

    def _work(self) -> None:
        ended = False
        while not ended:
            group, ended = self._next()
            self._expected = len(group)
            if group:
                self._do(group)

    def _next(self) -> tuple[list[tuple[Item, Future[Answer]]], bool]:
        """The next group, and whether it is the last."""
        item = self._waiting.get()
        group: list[tuple[Item, Future[Answer]]] = []
        until = time.monotonic() + self._limits.seconds
        while item is not None:
            group.append(item)
            if len(group) == self._limits.together:
                return group, False
            # Who was answered comes back, all together: a group of the first few is a waste.
            patience = until - time.monotonic() if len(group) < self._expected else 0.0
            try:
                item = self._waiting.get(timeout=max(0.0, patience))
            except queue.Empty:
                return group, False
        return group, True

    def _do(self, group: Sequence[tuple[Item, Future[Answer]]]) -> None:
        # A caller that gave up in time is left out.
        group = [pair for pair in group if pair[1].set_running_or_notify_cancel()]
        try:
            answers = self._act([item for item, _ in group])
        except BaseException as error:  # noqa: BLE001  told to everyone who waits for it
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)
