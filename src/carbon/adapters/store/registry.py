"""Decisions in and out of the database; implements the ports ``Registry``, ``Decisions``, ``Unit``.

Decisions are few and weigh much: PostgreSQL makes them one at a time, under an advisory lock held
to the end of the transaction, as SQLite does by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from carbon.adapters.clock import ZONE
from carbon.adapters.store import holds, ledger
from carbon.adapters.store import tables as t
from carbon.adapters.store.corrections import correct
from carbon.adapters.store.database import Database, alone
from carbon.adapters.store.facts import NewFact, add_fact, raced
from carbon.adapters.store.residents import kept_grams
from carbon.adapters.store.serials import Serials
from carbon.domain.credit.decision import Decision, Member, Signature
from carbon.domain.credit.history import Decided
from carbon.domain.credit.holdings import blocks_of
from carbon.domain.credit.issuance import Block
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import Account, Policy
from carbon.domain.ledger.journal import Hold, Journal, Transfer
from carbon.domain.log.leaf import canonical
from carbon.domain.period import Period
from carbon.ports.registry import Movement, Waiting

#: What one listing returns at most; a registry of a district stays far below.
_MOST = 100_000
#: Decisions asked for at once.
_AT_ONCE = 500


class RegistryStore:
    """Opens transactions over decisions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def deciding(self, now: datetime) -> Iterator[DecidingUnit]:
        """A transaction to decide in. Raises ``store.raced``."""
        with raced(), self._database.write() as connection:
            alone(connection)
            yield DecidingUnit(connection, now)

    @contextmanager
    def reading(self) -> Iterator[StoredDecisions]:
        """A transaction to read in."""
        with self._database.read() as connection:
            yield StoredDecisions(connection)

    def private(self, id_: str) -> Mapping[str, str] | None:
        """What is not published of a retirement, under way or done; ``None`` for a new one."""
        under_way = sa.select(t.waiting.c.private).where(
            t.waiting.c.kind == "retirement", t.waiting.c.id == id_
        )
        done = sa.select(t.certificate.c.private).where(t.certificate.c.id == id_)
        with self._database.read() as connection:
            text = connection.execute(under_way).scalar() or connection.execute(done).scalar()
        return None if text is None else json.loads(text)

    def forget(self, id_: str) -> bool:
        """Erase what of a retirement is not published; whether there was anything."""
        with self._database.write() as connection:
            found = connection.execute(sa.delete(t.certificate).where(t.certificate.c.id == id_))
        return found.rowcount > 0

    def catalogues(self) -> Sequence[str]:
        """Roots of all catalogues that were computed with."""
        query = sa.select(t.fact.c.key).where(t.fact.c.kind == "catalogue")
        with self._database.read() as connection:
            return connection.execute(query).scalars().all()


class StoredDecisions:
    """Reads what was decided; implements the port ``Decisions``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._serials = Serials(connection)

    def members(self) -> Mapping[str, Member]:
        """Who may sign now, by public key."""
        ended = {k for found in self.every("member_end") for k in found.decision.content["keys"]}
        return {key: m for key, m in self.registered().items() if key not in ended}

    def registered(self) -> Mapping[str, Member]:
        """Everybody who ever could, by public key."""
        return {
            m["key"]: Member(m["person"], m["key"], frozenset(m["roles"]), m["organisation"])
            for found in self.every("member")
            for m in found.decision.content["members"]
        }

    def find(self, kind: str, id_: str) -> Decided | None:
        """One decision."""
        query = _DECIDED.where(t.fact.c.kind == kind, t.fact.c.key == id_)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else _decided(row)

    def every(
        self, kind: str, prefix: str = "", since: datetime | None = None
    ) -> Sequence[Decided]:
        """All of a kind whose id starts with something, in order; recorded since a moment."""
        query = _DECIDED.where(t.fact.c.kind == kind).order_by(t.fact.c.seq).limit(_MOST)
        if prefix:
            # By its characters: ranges and LIKE depend on locale and engine.
            query = query.where(sa.func.substr(t.fact.c.key, 1, len(prefix)) == prefix)
        if since is not None:
            query = query.where(t.fact.c.recorded_at >= since)
        return [_decided(row) for row in self._connection.execute(query)]

    def page(
        self, kind: str, prefix: str, after: int | None, limit: int
    ) -> Sequence[tuple[int, Decided]]:
        """Some of a kind in order, with their places in the store; those after a place."""
        query = _DECIDED.add_columns(t.fact.c.seq).where(t.fact.c.kind == kind)
        if prefix:
            query = query.where(sa.func.substr(t.fact.c.key, 1, len(prefix)) == prefix)
        if after is not None:
            query = query.where(t.fact.c.seq > after)
        rows = self._connection.execute(query.order_by(t.fact.c.seq).limit(limit))
        return [(row.seq, _decided(row)) for row in rows]

    def naming(self, blocks: Sequence[Block]) -> Sequence[Decided]:
        """Decisions whose effect names serials of some blocks, in order."""
        seqs = sorted({seq for block in blocks for seq in self._serials.naming(block)})
        found: list[Decided] = []
        for start in range(0, len(seqs), _AT_ONCE):
            part = _DECIDED.where(t.fact.c.seq.in_(seqs[start : start + _AT_ONCE]))
            found += map(_decided, self._connection.execute(part.order_by(t.fact.c.seq)))
        return found

    def waiting(self) -> Sequence[Waiting]:
        """All that wait, the oldest first."""
        query = sa.select(t.waiting).order_by(t.waiting.c.made_at, t.waiting.c.id)
        return [_waits(row) for row in self._connection.execute(query)]

    def balance(self, asset: str, account: str) -> int:
        """What an account holds and has not promised away; nothing if it was never opened."""
        try:
            return ledger.balance(self._connection, asset, account).free
        except CarbonError as error:
            if error.code != "ledger.unknown":
                raise
            return 0

    def assets(self) -> Sequence[str]:
        """All assets there are accounts of."""
        query = sa.select(t.asset.c.code).order_by(t.asset.c.code)
        return self._connection.execute(query).scalars().all()

    def kept_grams(
        self, project: str, month: Period, leaves: tuple[int, int]
    ) -> Sequence[tuple[str, int]]:
        """Positive grams of residents who keep theirs, by pseudonym."""
        return kept_grams(self._connection, project, month, leaves)

    def corrected(self, project: str, month: Period, leaves: tuple[int, int]) -> str | None:
        """A record in some leaves that was corrected in none before their end."""
        of, by = t.fact.alias("of"), t.fact.alias("by")
        query = (
            sa.select(t.correction.c.replaces, of.c.body)
            .join(t.activity, t.activity.c.fact_id == t.correction.c.replaces)
            .join(of, of.c.seq == t.activity.c.fact_seq)
            .join(by, by.c.seq == t.correction.c.fact_seq)
            .where(
                of.c.leaf_index >= leaves[0],
                of.c.leaf_index < leaves[1],
                t.activity.c.occurred_on.between(month.first_day, month.last_day),
                sa.or_(by.c.leaf_index.is_(None), by.c.leaf_index >= leaves[1]),
            )
            .order_by(t.correction.c.replaces)
        )
        rows = self._connection.execute(query)
        own = (r.replaces for r in rows if json.loads(bytes(r.body)).get("project") == project)
        return next(own, None)

    def blocks(self, asset: str, account: str, hold: str | None = None) -> Sequence[Block]:
        """Serial blocks of an account that are free, or those a hold reserves."""
        return self._serials.blocks(asset, account, hold)


class DecidingUnit(StoredDecisions):
    """One transaction over decisions, ledger and serials; implements the port ``Unit``."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        super().__init__(connection)
        self._now = now
        self._issued: list[tuple[str, list[Block]]] = []
        self._covered: dict[str, Any] | None = None
        self.reserve, self.release, self.move = (
            self._serials.reserve, self._serials.release, self._serials.move,
        )  # fmt: skip

    # --- decisions ----------------------------------------------------------------------------

    def add(
        self,
        decision: Decision,
        signers: Sequence[Member],
        statement: tuple[str, str] | None = None,
    ) -> None:
        """Append a decision with its pending leaf, and what was issued under it."""
        body = canonical(decision.leaf())
        fact = NewFact(decision.kind, decision.id, body, decision.digest)
        seq = add_fact(self._connection, fact, self._now)
        persons = [member.person for member in signers]
        verifier, reviewer = statement or (None, None)
        row = {
            "fact_seq": seq,
            "kind": decision.kind,
            "id": decision.id,
            "first": persons[0],
            "second": persons[1] if len(persons) > 1 else None,
            "verifier": verifier,
            "reviewer": reviewer,
        }
        self._connection.execute(sa.insert(t.decision), row)
        for asset, blocks in self._issued:
            self._serials.record(asset, blocks, seq)
        self._serials.mention(blocks_of(decision.effect), seq)
        if self._covered is not None:
            self._connection.execute(sa.insert(t.issued), {**self._covered, "fact_seq": seq})
        self._issued, self._covered = [], None

    def correct(self, fact_id: str, reason: str) -> None:
        """Withdraw a record. Raises ``correction.unknown``, ``correction.done``."""
        claimed = sa.select(t.claim.c.record_key).where(t.claim.c.fact_id == fact_id)
        key = self._connection.execute(claimed).scalar()
        if key is None:
            raise CarbonError("correction.unknown", record_id=fact_id)
        done = sa.select(t.correction.c.replaces).where(t.correction.c.replaces == fact_id)
        if self._connection.execute(done).scalar() is not None:
            raise CarbonError("correction.done", record_id=fact_id)
        body = canonical({"type": "correction", "replaces": fact_id, "reason": reason})
        seq = add_fact(self._connection, NewFact("correction", key, body), self._now)
        correct(self._connection, fact_id, None, reason, seq, self._now)

    def keep(self, waiting: Waiting) -> None:
        """Put or replace what waits under its kind and id."""
        self.drop(waiting)
        row = {
            "kind": waiting.kind,
            "id": waiting.id,
            "digest": waiting.digest,
            "content": _text(waiting.content),
            "signatures": _text([[s.key, s.signature] for s in waiting.signatures]),
            "private": None if waiting.private is None else _text(waiting.private),
            "made_at": waiting.made_at,
            "due_at": waiting.due_at,
        }
        self._connection.execute(sa.insert(t.waiting), row)

    def drop(self, waiting: Waiting) -> None:
        """Remove what waited."""
        same = t.waiting.c.kind == waiting.kind, t.waiting.c.id == waiting.id
        self._connection.execute(sa.delete(t.waiting).where(*same))

    def opened_at(self, report: str, item: tuple[int, int], person: str) -> datetime | None:
        """When a person first opened an item of a sample."""
        same = _opening(report, item, person)
        query = sa.select(t.opened.c.at).where(*(t.opened.c[n] == v for n, v in same.items()))
        found: datetime | None = self._connection.execute(query).scalar()
        return found

    def note_opened(self, report: str, items: Sequence[tuple[int, int]], person: str) -> None:
        """Keep when a person opens items; a first opening stays."""
        new = [item for item in items if self.opened_at(report, item, person) is None]
        rows = [{**_opening(report, item, person), "at": self._now} for item in new]
        if rows:
            self._connection.execute(sa.insert(t.opened), rows)

    def certify(self, id_: str, private: Mapping[str, str]) -> None:
        """Keep what a certificate tells and the log does not."""
        row = {"id": id_, "private": _text(private)}
        self._connection.execute(sa.insert(t.certificate), row)

    # --- ledger -------------------------------------------------------------------------------

    def open(self, asset: str, account: str, policy: str) -> None:
        """Open an account unless it is open."""
        opened = Account(asset, account, Policy(policy))
        ledger.open_account(self._connection, opened, self._now)

    def post(self, key: str, kind: str, movements: Sequence[Movement]) -> None:
        """Post one journal, once."""
        lines = tuple(Transfer(*movement) for movement in movements)
        ledger.post(self._connection, [Journal(key, kind, lines)], self._now)

    def hold(self, key: str, movement: Movement, expires_at: datetime) -> None:
        """Promise an amount to an account."""
        promised = Hold(key, Transfer(*movement), expires_at)
        holds.place_holds(self._connection, [promised], self._now)

    def post_hold(self, key: str) -> None:
        """Make a promise good."""
        holds.post_hold(self._connection, key, self._now)

    def void_hold(self, key: str) -> None:
        """Give a promised amount back."""
        holds.void_holds(self._connection, [key], self._now)

    # --- serials ------------------------------------------------------------------------------

    def issue(self, asset: str, shares: Sequence[tuple[str, int]]) -> list[Block]:
        """Give the next serial numbers; they become facts with the decision added next."""
        blocks = self._serials.issue(asset, shares)
        self._issued.append((asset, blocks))
        return blocks

    def cover(
        self, project: str, month: str, parts: tuple[int, int | None], leaves: tuple[int, int]
    ) -> None:
        """Note which leaves the decision added next issues for."""
        self._covered = {
            "project": project,
            "month": month,
            "part": parts[0],
            "previous": parts[1],
            "from_leaf": leaves[0],
            "to_leaf": leaves[1],
        }


_DECIDED = sa.select(t.fact.c.body, t.fact.c.leaf_index).join_from(
    t.fact, t.decision, t.decision.c.fact_seq == t.fact.c.seq
)


def _decided(row: Any) -> Decided:
    return Decided(Decision.of(json.loads(bytes(row.body))), row.leaf_index)


def _opening(report: str, item: tuple[int, int], person: str) -> dict[str, Any]:
    return {"report": report, "leaf": item[0], "row": item[1], "person": person}


def _waits(row: Any) -> Waiting:
    return Waiting(
        digest=row.digest,
        kind=row.kind,
        id=row.id,
        content=json.loads(row.content),
        signatures=tuple(Signature(*pair) for pair in json.loads(row.signatures)),
        made_at=row.made_at,
        due_at=None if row.due_at is None else row.due_at.astimezone(ZONE),
        private=None if row.private is None else json.loads(row.private),
    )


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
