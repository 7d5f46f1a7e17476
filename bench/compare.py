"""Whether two result folders agree: accepted ids, their grams, and every reject.

python bench/compare.py A_DIR B_DIR
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

GRAMS = ("be_g", "pe_g", "u_g", "le_g", "er_g")
SHOWN = 10


def differences(first: Path, second: Path) -> list[tuple[str, int, list[tuple[object, ...]]]]:
    """What differs: title, number of rows, and the first of them."""
    with duckdb.connect() as db:
        for name, folder in (("a", first), ("b", second)):
            db.execute(f"CREATE VIEW {name} AS FROM '{folder / 'records.parquet'}'")
            db.execute(
                f'CREATE VIEW {name}_rejects AS SELECT DISTINCT row, "column", code FROM '
                f"read_csv('{folder / 'rejects.csv'}', header = true, all_varchar = true)"
            )
        columns = f"row, record_id, {', '.join(GRAMS)}"
        asked = [
            ("accepted rows and grams", f"SELECT {columns} FROM", "a", "b"),
            ("rejects", "FROM", "a_rejects", "b_rejects"),
        ]
        found = []
        for title, select, a, b in asked:
            for sign, one, other in (("only in A", a, b), ("only in B", b, a)):
                query = f"({select} {one}) EXCEPT ALL ({select} {other})"
                count = db.execute(f"SELECT count(*) FROM ({query})").fetchone()[0]  # type: ignore[index]
                if count:
                    rows = db.execute(f"{query} ORDER BY ALL LIMIT {SHOWN}").fetchall()
                    found.append((f"{title} {sign}", count, rows))
        return found


def main(first: Path, second: Path) -> int:
    """Print the first differences; 0 if there is none."""
    found = differences(first, second)
    for title, count, rows in found:
        print(f"{title}: {count:,}")
        for row in rows:
            print("   ", *row)
    print("differ" if found else "agree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
