"""Group commit: what many callers hand over is done in one transaction, each with its own answer.

A transaction costs about as much for a hundred items as for one. While one runs, those that come
wait for the next: the more callers there are, the more of them share one.
"""

from __future__ import annotations

import threading
from collections import deque
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
        self._waiting: deque[tuple[Item, Future[Answer]]] = deque()
        self._open, self._expected = True, 1
        self._come = threading.Condition()
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
        with self._come:
            if not self._open or len(self._waiting) >= self._limits.waiting:
                raise self._busy(item)
            self._waiting.append((item, future))
            # The worker is woken for the first one and for the group, not for everyone.
            if len(self._waiting) in (1, self._expected):
                self._come.notify()
        return future

    def close(self) -> None:
        """Take no more, do everything that waits, and end the worker."""
        with self._come:
            self._open = False
            self._come.notify()
        self._worker.join()

    def _work(self) -> None:
        while group := self._next():
            self._do(group)

    def _next(self) -> list[tuple[Item, Future[Answer]]]:
        """The next group; nothing at the end."""
        with self._come:
            self._come.wait_for(lambda: self._waiting or not self._open)
            # Who was answered comes back, all together: a group of the first few is a waste.
            self._come.wait_for(
                lambda: len(self._waiting) >= self._expected or not self._open,
                self._limits.seconds,
            )
            size = min(len(self._waiting), self._limits.together)
            self._expected = max(1, size)
            return [self._waiting.popleft() for _ in range(size)]

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
