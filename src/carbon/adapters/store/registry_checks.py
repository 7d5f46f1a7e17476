"""The whole registry held against its own rules; implements ``RegistryReader``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database, alone
from carbon.domain.credit.decision import KINDS
from carbon.domain.credit.issuance import Block
from carbon.ports.ledger import Broken
from carbon.ports.registry import Held, Kept, RegistryRule

_PAGE: Final = 1_000
_KINDS: Final = ", ".join(f"'{kind}'" for kind in KINDS)
_SERIALS: Final = "last - first + 1"
#: Balances of credits in every account but the issuer's; ``amount`` is what they hold.
_CREDITS: Final = """SELECT s.code AS asset, a.code AS account, a.credits - a.debits AS amount,
    a.held FROM account AS a JOIN asset AS s ON s.id = a.asset
  WHERE s.code LIKE 'credit/%' AND a.policy <> 'source'"""

#: By rule, the name of every row that breaks it.
_BREAKING: Final[Mapping[RegistryRule, str]] = {
    RegistryRule.DECIDED: f"""SELECT d.id AS name FROM decision AS d
  LEFT JOIN fact AS f ON f.seq = d.fact_seq
  WHERE f.kind IS NULL OR f.kind <> d.kind OR f.key <> d.id
  UNION ALL SELECT f.key FROM fact AS f LEFT JOIN decision AS d ON d.fact_seq = f.seq
  WHERE f.kind IN ({_KINDS}) AND d.id IS NULL""",
    RegistryRule.ISSUED: f"""SELECT asset AS name FROM (
    SELECT asset, {_SERIALS} AS serials, 0 AS credits FROM block
    UNION ALL SELECT asset, 0, amount FROM ({_CREDITS}) AS c
  ) AS rows GROUP BY asset HAVING sum(serials) <> sum(credits)""",
    RegistryRule.HELD: f"""SELECT asset || ' · ' || account AS name FROM (
    SELECT asset, account, {_SERIALS} AS serials, 0 AS credits FROM holding
    UNION ALL SELECT asset, account, 0, amount FROM ({_CREDITS}) AS c
  ) AS rows GROUP BY asset, account HAVING sum(serials) <> sum(credits)""",
    RegistryRule.RESERVED: f"""SELECT asset || ' · ' || account AS name FROM (
    SELECT asset, account, {_SERIALS} AS serials, 0 AS held FROM holding WHERE hold IS NOT NULL
    UNION ALL SELECT asset, account, 0, held FROM ({_CREDITS}) AS c
  ) AS rows GROUP BY asset, account HAVING sum(serials) <> sum(held)""",
    RegistryRule.COVERED: """SELECT i.project || '/' || i.month || '/' || i.part AS name
  FROM issued AS i JOIN issued AS o ON o.project = i.project AND o.month = i.month
    AND o.part <> i.part AND o.from_leaf < i.to_leaf AND i.from_leaf < o.to_leaf
  UNION ALL SELECT d.id FROM decision AS d WHERE d.kind = 'issuance' AND (
    NOT EXISTS (SELECT 1 FROM issued AS i WHERE i.fact_seq = d.fact_seq)
    OR NOT EXISTS (SELECT 1 FROM decision AS r WHERE r.kind = 'report' AND r.id = d.id)
    OR NOT EXISTS (SELECT 1 FROM decision AS s WHERE s.kind = 'statement' AND s.id = d.id))""",
}

_DECISIONS: Final = (
    sa.select(
        t.decision.c.kind,
        t.decision.c.id,
        t.decision.c.first,
        t.decision.c.second,
        t.fact.c.body,
        t.issued.c.project,
        t.issued.c.month,
        t.issued.c.part,
        t.issued.c.from_leaf,
        t.issued.c.to_leaf,
    )
    .join_from(t.decision, t.fact, t.fact.c.seq == t.decision.c.fact_seq)
    .outerjoin(t.issued, t.issued.c.fact_seq == t.decision.c.fact_seq)
    .order_by(t.decision.c.fact_seq)
)
_CARRIED: Final = (
    sa.select(
        t.asset.c.code.label("asset"), t.account.c.code, t.account.c.credits - t.account.c.debits
    )
    .join_from(t.account, t.asset, t.asset.c.id == t.account.c.asset)
    .where(t.asset.c.code.like("grams/%"), t.account.c.policy == "holder")
)


class RegistryChecks:
    """Opens the registry as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def books(self) -> Iterator[StoredBooks]:
        """All of it as of one moment: on PostgreSQL, decisions wait; SQLite reads a snapshot."""
        with self._database.read() as connection:
            alone(connection, shared=True)
            yield StoredBooks(connection)


class StoredBooks:
    """Reads the registry as a whole; implements ``RegistryBooks``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def broken(self, rule: RegistryRule) -> Broken | None:
        """How many rows break a rule, and the name of one; ``None`` where none does."""
        query = f"SELECT count(*) AS count, min(name) AS name FROM ({_BREAKING[rule]}) AS b"
        row = self._connection.execute(sa.text(query)).one()
        return Broken(row[0], row[1]) if row[0] else None

    def _stream(self, query: sa.Select[Any]) -> Iterator[Any]:
        return iter(self._connection.execute(query.execution_options(yield_per=_PAGE)))

    def decisions(self) -> Iterator[Kept]:
        """All decisions in their order."""
        return map(_kept, self._stream(_DECISIONS))

    def holdings(self) -> Iterator[Held]:
        """Who holds which serials, ascending."""
        rows = self._stream(sa.select(t.holding).order_by(t.holding.c.first))
        return (Held(r.asset, r.account, Block(r.first, r.last), r.hold) for r in rows)

    def issued(self) -> Iterator[tuple[str, Block]]:
        """Issued blocks with their assets, ascending."""
        rows = self._stream(sa.select(t.block).order_by(t.block.c.first))
        return ((r.asset, Block(r.first, r.last)) for r in rows)

    def carried(self) -> Iterator[tuple[str, str, int]]:
        """Asset, account and balance of grams that wait to become a credit."""
        return ((asset, account, amount) for asset, account, amount in self._stream(_CARRIED))


def _kept(row: Any) -> Kept:
    persons = (row.first,) if row.second is None else (row.first, row.second)
    covers = None
    if row.project is not None:
        covers = row.project, row.month, row.part, row.from_leaf, row.to_leaf
    return Kept(row.kind, row.id, persons, bytes(row.body), covers)
