"""The clock of the running system."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

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
