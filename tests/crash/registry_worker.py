"""What the crash test kills: a process that issues on a report, then restates it.

It says ``ready`` once everything slow is loaded, then each answer as soon as it is there.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from carbon.bootstrap.system import System
from carbon.settings import Settings
from conftest import FixedClock


def say(what: dict[str, Any] | str) -> None:
    """One line, at once."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Issue and restate with the keys of a folder: ``REPORT FACT FOLDER``."""
    report, fact, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    registry = System(Settings.read(dict(os.environ)), FixedClock()).registry
    keys = [folder / f"{name}.key" for name in ("anne", "bert")]
    assert registry.waiting() == []
    say("ready")
    say(registry.sign(keys, "issuance", report=report))
    told = {"replaced": [fact], "withdrawn": [], "reason": "returned", "text": "came back"}
    say(registry.sign(keys, "restatement", **told))


if __name__ == "__main__":
    main()
