"""Write the table of docs/errors.md anew from the catalogue of faults."""

from __future__ import annotations

from pathlib import Path

from carbon.domain.errors import FAULTS

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"
HEADER = "| 代码 code | 中文 | English | 怎么办 | What to do |\n|---|---|---|---|---|\n"


def main() -> None:
    """Keep what stands above the table, write the table."""
    above = PAGE.read_text("utf-8").split(HEADER)[0]
    rows = (
        f"| `{f.code}` | {f.what.zh} | {f.what.en} | {f.fix.zh} | {f.fix.en} |\n"
        for f in FAULTS.values()
    )
    PAGE.write_text(above + HEADER + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
