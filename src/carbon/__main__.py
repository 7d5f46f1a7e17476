"""Entry point of the command ``carbon``."""

from __future__ import annotations

import signal
import sys


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
    """An auditor's command loads nothing of the platform: neither database, services nor web."""
    if arguments[:1] == ["audit"]:
        from carbon.cli.audit import run as run_audit

        return run_audit(arguments[1:])
    from carbon.cli.main import run

    return run(arguments)


def _stop(number: int, _: object) -> None:
    """Stop like a failure, so that nothing half-finished is left."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
