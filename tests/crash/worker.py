"""What the crash test kills: a process that imports files and sequences, telling what it was told.

Run as a program it is a nursery: for every line on its standard input, a JSON job, it forks a
child that does the job, prints the child's number, and reaps it. Loading the program once makes
two hundred kills affordable. An acknowledgement is written through before the next step begins.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from carbon.bootstrap.submissions import IngestRequest
from carbon.bootstrap.system import System
from carbon.settings import Settings


def work(environment: dict[str, str], files: list[str], told: Path) -> None:
    """Import every file and sequence after each; note each answer as soon as it is there."""
    system = System(Settings.read(environment))
    for name in files:
        answer = system.submissions.ingest(
            IngestRequest(Path(name), accept_valid=True), lambda *_: None
        )
        note(told, {"file": name, "answer": answer})
        head = system.sequence(lambda *_: None)
        note(told, {"size": 0 if head is None else head.size})


def note(path: Path, what: dict[str, Any]) -> None:
    """Append a line, written through."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(what) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def tell(number: int) -> None:
    """Answer the test."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Fork a child per job."""
    # Whatever is slow to load is loaded before the first fork; no thread and no connection is.
    from carbon.domain.quantification import methodologies  # noqa: F401

    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(job["environment"], job["files"], Path(job["told"]))
                status = 0
            finally:
                os._exit(status)
        tell(child)
        _, status = os.waitpid(child, 0)
        tell(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
