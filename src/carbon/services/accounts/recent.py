"""What was looked up a moment ago, so that most requests ask no database who is asking."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Generic, TypeVar

from carbon.domain.access import BELIEVED

Value = TypeVar("Value")
#: Entries kept; the one put first goes first.
MOST = 10_000


class Recent(Generic[Value]):
    """Believes what it was told for a while, and no longer.

    ``timer``: seconds that only go forward; the clock of accounts may be set.
    """

    def __init__(
        self, while_: timedelta = BELIEVED, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds, self._timer = while_.total_seconds(), timer
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Value]] = OrderedDict()

    def get(self, key: str) -> Value | None:
        """What is still believed."""
        found = self._known.get(key)
        if found is None or self._timer() - found[0] >= self._seconds:
            return None
        return found[1]

    def put(self, key: str, value: Value) -> None:
        """Believe it from now on."""
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = (self._timer(), value)
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def forget(self, whose: Callable[[Value], bool]) -> None:
        """Forget at once what is somebody's."""
        with self._lock:
            gone = [key for key, (_, value) in self._known.items() if whose(value)]
            for key in gone:
                del self._known[key]
