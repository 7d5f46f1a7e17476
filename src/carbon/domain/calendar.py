"""Working days in mainland China (工作日), as the State Council's yearly notices set them.

The notices say which days are off and which weekends are worked instead. A year without its notice
is unknown, never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from carbon.domain.errors import CarbonError

Kind = Literal["holiday", "workday"]
KINDS: Final[tuple[Kind, ...]] = ("holiday", "workday")
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


def is_weekend(day: date) -> bool:
    """Saturday or Sunday."""
    return day.weekday() >= _SATURDAY


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the notices change about weeks.

    ``holidays``: days off, weekends among them; ``workdays``: weekends that are worked. A year is
    covered if its first of January is a holiday here, as it is by law.
    """

    holidays: frozenset[date]
    workdays: frozenset[date]

    def covers(self, year: int) -> bool:
        """Whether the year's notice is known."""
        return date(year, 1, 1) in self.holidays

    def is_working(self, day: date) -> bool:
        """Whether people work that day. Raises ``calendar.unknown``."""
        if not self.covers(day.year):
            raise CarbonError("calendar.unknown", day=day, year=day.year)
        return day in self.workdays or not (is_weekend(day) or day in self.holidays)

    def add_working_days(self, day: date, number: int) -> date:
        """The so-manieth working day after a day; the day itself for 0.

        Raises ``calendar.unknown``, and ValueError for a negative number.
        """
        if number < 0:
            raise ValueError(f"{number} working days lie in the past")
        left = number
        while left:
            day += _DAY
            left -= self.is_working(day)
        return day

    def working_days_between(self, after: date, until: date) -> int:
        """Working days after a day up to another one, included; 0 where that is not later.

        Raises ``calendar.unknown``.
        """
        days = (after + _DAY * n for n in range(1, (until - after).days + 1))
        return sum(self.is_working(day) for day in days)
