"""Days and months as integers: days since 1970-01-01, months since 1970-01."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from carbon.domain.errors import CarbonError

EPOCH = date(1970, 1, 1)
FIRST_DAY = date(1990, 1, 1)
LAST_DAY = date(2099, 12, 31)

#: Marks a missing day in an int32 column.
NO_DAY = np.iinfo(np.int32).min


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_date(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=number)


FIRST, LAST = day_number(FIRST_DAY), day_number(LAST_DAY)

#: Month number of every supported day, so that a column of days needs one gather, no calendar.
_MONTH_OF_DAY = (
    np.arange(FIRST, LAST + 1).astype("datetime64[D]").astype("datetime64[M]").astype(np.int32)
)


def months_of(days: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Month numbers of day numbers; shape ``(n,)`` → ``(n,)``. Days outside the range clip."""
    return _MONTH_OF_DAY[np.clip(days, FIRST, LAST) - FIRST]


def month_name(number: int) -> str:
    """``2026-10`` for a month number."""
    return f"{1970 + number // 12}-{number % 12 + 1:02d}"


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month, the unit of monitoring (监测期)."""

    month: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``YYYY-MM``. Raises ``period.invalid``."""
        match = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text.strip())
        if not match or not FIRST_DAY.year <= int(match[1]) <= LAST_DAY.year:
            raise CarbonError("period.invalid", value=text)
        return cls((int(match[1]) - 1970) * 12 + int(match[2]) - 1)

    @property
    def first_day(self) -> date:
        """Its first day."""
        return date(1970 + self.month // 12, self.month % 12 + 1, 1)

    @property
    def last_day(self) -> date:
        """Its last day."""
        following = self.month + 1
        return date(1970 + following // 12, following % 12 + 1, 1) - timedelta(days=1)

    def __str__(self) -> str:
        return month_name(self.month)
