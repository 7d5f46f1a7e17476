"""Entry point of the command ``carbon``."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line."""
    from carbon.cli.main import run

    signal.signal(signal.SIGTERM, _stop)
    sys.exit(run(sys.argv[1:]))


def _stop(number: int, _: object) -> None:
    """Stop like a failure, so that nothing half-finished is left."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
