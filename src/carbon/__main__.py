"""Entry point of the command ``carbon``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from carbon.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
