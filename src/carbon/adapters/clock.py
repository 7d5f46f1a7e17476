"""The clock of the running system."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from carbon.domain.errors import CarbonError

#: Days of this project are days in Tianjin.
ZONE = ZoneInfo("Asia/Shanghai")


class SystemClock:
    """Implements the port ``Clock``."""

    def today(self) -> date:
        """The current day in Tianjin."""
        return self.now().date()

    def now(self) -> datetime:
        """The current moment."""
        return datetime.now(ZONE)


class SetClock:
    """A clock that stands at a stated moment, for demonstrations; implements ``Clock``.

    Raises ``clock.invalid``.
    """

    def __init__(self, text: str) -> None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise CarbonError("clock.invalid", text=text) from error
        self._now = moment.astimezone(ZONE) if moment.tzinfo else moment.replace(tzinfo=ZONE)

    def today(self) -> date:
        """The stated day in Tianjin."""
        return self._now.date()

    def now(self) -> datetime:
        """The stated moment."""
        return self._now
