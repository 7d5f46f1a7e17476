"""What the crash test kills: a process that records for many callers at once.

It says ``ready`` once everything slow is loaded, then the id and the answer of each record as soon
as it is there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from itertools import count
from typing import Any

from callers import CALLERS, ask_of
from carbon.bootstrap.recording import answer_or_raise
from carbon.bootstrap.system import System
from carbon.settings import Settings
from conftest import FixedClock

_SAYING = threading.Lock()


def say(what: Any) -> None:
    """One line, at once."""
    with _SAYING:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


def call(system: System, caller: int) -> None:
    """Record one after another, each as soon as the last was answered."""
    for number in count(1):
        told = answer_or_raise(system.records.hand(ask_of(caller, number)).result())
        say([caller, number, told])


def main() -> None:
    """Record until killed."""
    system = System(Settings.read(dict(os.environ)), FixedClock())
    system.records.record_each([ask_of(CALLERS, 1)])  # whatever is slow to load is loaded
    say("ready")
    for caller in range(CALLERS):
        threading.Thread(target=call, args=(system, caller), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
