"""Entry point of the command ``carbon``."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; an interrupt ends it quietly, however early."""
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _stop)
    try:
        from carbon.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    sys.exit(code)


def _stop(number: int, _: object) -> None:
    """Stop like a failure, so that nothing half-finished is left."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
