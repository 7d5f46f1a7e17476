"""Entry point of the command ``carbon``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence

from carbon.domain.errors import CarbonError
from carbon.settings import Settings


def main() -> None:
    """Run the command line; an interrupt ends it quietly, however early."""
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _stop)
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Each door loads its own parts; an auditor's command nothing of the platform."""
    match arguments[:1]:
        case ["audit"]:
            from carbon.cli.audit import run as run_audit

            return run_audit(arguments[1:])
        case ["serve"]:
            from carbon.web.server import run as run_serve

            return _told(run_serve, arguments[1:])
        case ["worker"]:
            from carbon.jobs import run as run_worker

            return _told(run_worker, arguments[1:])
    from carbon.cli.main import run

    return run(arguments)


def _told(run: Callable[[Sequence[str]], int], arguments: list[str]) -> int:
    """Run a door; what it cannot start without is one line and exit code 3."""
    try:
        return run(arguments)
    except CarbonError as error:
        sys.stderr.write(f"[{error.code}] {error.say(Settings.read().lang)}\n")
        return 3


def _stop(number: int, _: object) -> None:
    """Stop like a failure, so that nothing half-finished is left."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
