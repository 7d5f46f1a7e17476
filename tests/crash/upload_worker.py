"""What the crash test kills: a worker that does one upload after another until it is told to end.

Run as a program it is a nursery, as `worker.py` is: for every line on its standard input, a JSON
job, it forks a child that works, prints the child's number, and reaps it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from carbon.bootstrap.system import System
from carbon.settings import Settings


@dataclass
class Stopped:
    """A clock that shows one moment: each child is later than the leases of those before it."""

    at: datetime

    def today(self) -> date:
        """The day."""
        return self.at.date()

    def now(self) -> datetime:
        """The moment."""
        return self.at


def work(job: dict[str, Any]) -> None:
    """Do what waits."""
    clock = Stopped(datetime.fromisoformat(job["at"]))
    System(Settings.read(job["environment"]), clock).uploads.work(lambda: False)


def tell(number: int) -> None:
    """Answer the test."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Fork a child per job."""
    # Whatever is slow to load is loaded before the first fork; no thread and no connection is.
    from carbon.bootstrap import uploads  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(json.loads(line))
                status = 0
            finally:
                os._exit(status)
        tell(child)
        _, status = os.waitpid(child, 0)
        tell(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
