"""The public look-up of a serial number among a million blocks, over HTTP.

    python bench/serials.py [--blocks 1000000] [--clients 16] [--seconds 10]

Blocks of ten serials, issued a thousand at a time and moved once, five at a time. Clients ask for
random serials, each from an address of its own and as often as an address may. Exit code 1: the
limit is missed. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import postgres
from carbon.bootstrap.system import System
from carbon.settings import Settings
from service import ask, serving

LIMIT_MS = 300.0
#: Seconds between the answer to a client and its next request: twenty a second may come from one
#: address.
PAUSE = 0.06
SERIALS, ISSUED_AT_ONCE, MOVED_AT_ONCE = 10, 1_000, 5

#: Decisions with their leaves, what they name, and who holds what; made where the rows lie.
_FILL = """
WITH issued AS (
  INSERT INTO fact (kind, key, body, recorded_at)
  SELECT 'issuance', 'p/2026-10/' || n, convert_to(format(
    '{"type":"decision","kind":"issuance","id":"p/2026-10/%%s","content":{},"effect":'
    '{"serials":[{"first":"%%s","last":"%%s"}]},"at":"2026-11-01T00:00:00+08:00","signatures":[]}',
    n, n * {issue} + 1, (n + 1) * {issue}), 'UTF8'), now()
  FROM generate_series(0, {blocks} / {at_once} - 1) AS n
  RETURNING seq, key, split_part(key, '/', 3)::bigint AS n
), decided AS (
  INSERT INTO decision (fact_seq, kind, id, first, second, verifier, reviewer)
  SELECT seq, 'issuance', key, 'a', 'b', 'c', 'd' FROM issued
)
INSERT INTO mention (fact_seq, first, last, size)
SELECT seq, n * {issue} + 1, (n + 1) * {issue}, length(({issue})::text) FROM issued;
WITH moved AS (
  INSERT INTO fact (kind, key, body, recorded_at)
  SELECT 'transfer', 't/' || n, convert_to(format(
    '{"type":"decision","kind":"transfer","id":"t/%%s","content":{},"effect":'
    '{"serials":[{"first":"%%s","last":"%%s"}]},"at":"2026-11-02T00:00:00+08:00","signatures":[]}',
    n, n * {move} + 1, (n + 1) * {move}), 'UTF8'), now()
  FROM generate_series(0, {blocks} / {moved} - 1) AS n
  RETURNING seq, key, substr(key, 3)::bigint AS n
), decided AS (
  INSERT INTO decision (fact_seq, kind, id, first) SELECT seq, 'transfer', key, 'a' FROM moved
)
INSERT INTO mention (fact_seq, first, last, size)
SELECT seq, n * {move} + 1, (n + 1) * {move}, length(({move})::text) FROM moved;
INSERT INTO holding (first, last, asset, account)
SELECT n * {serials} + 1, (n + 1) * {serials}, 'credit/HD-REUSE v1/2026/pilot',
  'holder/' || n %% 1000
FROM generate_series(0, {blocks} - 1) AS n;
ANALYZE;
"""


def filling(blocks: int) -> str:
    """Statements that fill a registry with so many blocks."""
    sizes = {
        "blocks": blocks,
        "at_once": ISSUED_AT_ONCE,
        "moved": MOVED_AT_ONCE,
        "serials": SERIALS,
        "issue": SERIALS * ISSUED_AT_ONCE,
        "move": SERIALS * MOVED_AT_ONCE,
    }
    text = _FILL.replace("%%", "%")
    for name, value in sizes.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def measure(folder: Path, blocks: int, clients: int, seconds: float) -> bool:
    with postgres.cluster({"shared_buffers": "512MB", "max_wal_size": "4GB"}) as cluster:
        name = cluster.database("serials")
        environment = {
            "CARBON_HOME": str(folder),
            "CARBON_DATABASE_URL": cluster.url(name, postgres.APPLICATION),
            "CARBON_DATABASE_OWNER_URL": cluster.url(name),
        }
        System(Settings.read(environment)).upgrade()
        cluster.psql(filling(blocks), name)
        with serving("service", environment, folder / "served.log") as port:
            told = ask(port, "lookup", clients, seconds, last=blocks * SERIALS, pause=PAUSE)
    rate = told["statuses"]["200"] / told["seconds"]
    print(
        f"{blocks:,} blocks: {rate:,.0f} look-ups/s, p50 {told['p50']:.1f} ms, "
        f"p95 {told['p95']:.1f} ms, {told['p95'] / LIMIT_MS:.2f} of the limit of {LIMIT_MS:.0f} ms"
    )
    return bool(told["p95"] <= LIMIT_MS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sound = measure(Path(folder), given.blocks, given.clients, given.seconds)
    sys.exit(not sound)


if __name__ == "__main__":
    main()
