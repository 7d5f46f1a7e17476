"""The whole ledger held against its own rules, a statement a rule; implements ``LedgerReader``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from carbon.adapters.store.database import Database
from carbon.ports.ledger import Broken, Rule

#: Both sides of all transfers.
_SIDES = """SELECT dr AS id, amount AS debit, 0 AS credit FROM transfer
  UNION ALL SELECT cr, 0, amount FROM transfer"""

#: By rule, the name of every row that breaks it.
_BREAKING: Mapping[Rule, str] = {
    Rule.BALANCED: """SELECT s.code AS name FROM asset AS s JOIN account AS a ON a.asset = s.id
  GROUP BY s.code HAVING sum(a.debits) <> sum(a.credits)""",
    Rule.COUNTED: f"""SELECT a.code AS name FROM account AS a LEFT JOIN (
    SELECT id, sum(debit) AS debits, sum(credit) AS credits FROM ({_SIDES}) AS s GROUP BY id
  ) AS t ON t.id = a.id
  WHERE a.debits <> coalesce(t.debits, 0) OR a.credits <> coalesce(t.credits, 0)""",
    Rule.COVERED: """SELECT code AS name FROM account
  WHERE (policy = 'holder' AND credits - debits - held < 0)
    OR (policy = 'sink' AND debits + held <> 0) OR held < 0""",
    Rule.ONE_ASSET: """SELECT j.key AS name FROM transfer AS t JOIN journal AS j ON j.id = t.journal
  LEFT JOIN account AS d ON d.id = t.dr AND d.asset = t.asset
  LEFT JOIN account AS c ON c.id = t.cr AND c.asset = t.asset
  WHERE d.id IS NULL OR c.id IS NULL""",
    Rule.COMPLETE: """SELECT coalesce(max(key), '?') AS name FROM (
    SELECT t.journal AS id, NULL AS key, 0 AS lines, 1 AS there FROM transfer AS t
    UNION ALL SELECT id, key, lines, 0 FROM journal
  ) AS rows GROUP BY id HAVING sum(lines) <> sum(there) OR count(key) <> 1""",
    Rule.HELD: """SELECT a.code AS name FROM account AS a LEFT JOIN (
    SELECT h.dr, sum(h.amount) AS amount FROM hold AS h
    WHERE NOT EXISTS (SELECT 1 FROM hold_end AS e WHERE e.hold = h.id) GROUP BY h.dr
  ) AS o ON o.dr = a.id
  WHERE a.held <> coalesce(o.amount, 0)
  UNION ALL SELECT 'hold ' || e.hold FROM hold_end AS e LEFT JOIN hold AS h ON h.id = e.hold
  LEFT JOIN journal AS j ON j.key = e.journal
  WHERE h.id IS NULL OR (e.outcome = 'posted') <> (j.key IS NOT NULL)""",
    Rule.MIRRORED: """SELECT j.key AS name FROM reversal AS r JOIN journal AS j ON j.id = r.journal
  JOIN transfer AS t ON t.journal = r.journal
  LEFT JOIN transfer AS o ON o.journal = r.reverses AND o.line = t.line
    AND o.dr = t.cr AND o.cr = t.dr AND o.amount = t.amount
  WHERE o.journal IS NULL GROUP BY j.key
  UNION ALL SELECT j.key FROM reversal AS r JOIN journal AS j ON j.id = r.journal
  JOIN journal AS o ON o.id = r.reverses WHERE o.lines <> j.lines""",
}

#: What is in some first leaves of the log, by account.
_PUBLISHED = sa.text("""SELECT s.code AS asset, a.code, sum(p.amount) AS amount FROM (
    SELECT dr AS id, -amount AS amount, journal FROM transfer
    UNION ALL SELECT cr, amount, journal FROM transfer
  ) AS p JOIN journal AS j ON j.id = p.journal
  JOIN fact AS f ON f.seq = j.fact_seq AND f.leaf_index < :size
  JOIN account AS a ON a.id = p.id JOIN asset AS s ON s.id = a.asset
  GROUP BY s.code, a.code""")


class LedgerChecks:
    """Reads the ledger as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def broken(self, rule: Rule) -> Broken | None:
        """How many rows break a rule, and the name of one; ``None`` where none does."""
        query = f"SELECT count(*) AS count, min(name) AS name FROM ({_BREAKING[rule]}) AS b"
        with self._database.read() as connection:
            row = connection.execute(sa.text(query)).one()
        return Broken(row[0], row[1]) if row[0] else None

    def published(self, size: int) -> Iterator[tuple[str, str, int]]:
        """Asset, account and balance of what the first leaves hold."""
        with self._database.read() as connection:
            rows = connection.execute(_PUBLISHED, {"size": size}).all()
        return ((row.asset, row.code, int(row.amount)) for row in rows)
