"""When recurring work is due: the latest moment of a timetable that has come, and the next one.

Work is named by its due moment, not by when somebody gets round to it, so that any number of
workers agree on what is to be done and a late one does the same work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Every:
    """So many seconds apart, counted from the beginning of 1970.

    >>> from datetime import UTC
    >>> Every(20).due(datetime(2026, 11, 25, 12, 0, 59, tzinfo=UTC)).isoformat()
    '2026-11-25T12:00:40+00:00'
    """

    seconds: int

    def due(self, now: datetime) -> datetime:
        """The latest moment that has come."""
        passed = int(now.timestamp())
        return datetime.fromtimestamp(passed - passed % self.seconds, now.tzinfo)

    def following(self, now: datetime) -> datetime:
        """The next one."""
        return self.due(now) + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Daily:
    """At an hour and minute of every day, in the zone of the moment that asks.

    >>> Daily(2, 30).due(datetime(2026, 11, 25, 2, 29)).isoformat()
    '2026-11-24T02:30:00'
    """

    hour: int
    minute: int = 0

    def due(self, now: datetime) -> datetime:
        """The latest moment that has come."""
        today = now.replace(hour=self.hour, minute=self.minute, second=0, microsecond=0)
        return today if today <= now else today - _DAY

    def following(self, now: datetime) -> datetime:
        """The next one."""
        return self.due(now) + _DAY


@dataclass(frozen=True, slots=True)
class Monthly:
    """At an hour of a day of every month, the first to the 28th.

    >>> Monthly(1, 6).due(datetime(2026, 11, 1, 5)).isoformat()
    '2026-10-01T06:00:00'
    """

    day: int
    hour: int

    def due(self, now: datetime) -> datetime:
        """The latest moment that has come."""
        own = now.replace(day=self.day, hour=self.hour, minute=0, second=0, microsecond=0)
        if own <= now:
            return own
        before = own.replace(day=1) - _DAY
        return before.replace(day=self.day)

    def following(self, now: datetime) -> datetime:
        """The next one."""
        return self._after(self.due(now))

    def _after(self, due: datetime) -> datetime:
        later = due.replace(day=1) + timedelta(days=32)
        return later.replace(day=self.day)


Schedule = Every | Daily | Monthly
