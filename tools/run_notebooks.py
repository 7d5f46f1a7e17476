"""Execute every notebook from the top and fail on the first error; outputs are not kept."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 300


def main() -> int:
    """Run all notebooks; 1 if one fails."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(
            notebook, timeout=TIMEOUT_S, resources={"metadata": {"path": str(path.parent)}}
        )
        try:
            client.execute()
        except CellExecutionError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            return 1
        print(f"{path.name}: {len(notebook.cells)} cells executed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
