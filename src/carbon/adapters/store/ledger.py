"""Journals into the ledger and balances out of it.

``post`` enters journals in a caller's transaction, beside the fact they rest on; ``post_batch`` in
one of its own, where only those that cannot be afforded are refused. What keeps the ledger sound is
in the database (:mod:`posting`, :mod:`guards`): here rows are made, and refusals told.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.database import Database
from carbon.adapters.store.entries import (
    add_reversals,
    answer_again,
    digests_of,
    end_holds,
    enter,
    open_holds,
    refusals,
)
from carbon.adapters.store.facts import raced
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import Account, Balance, Policy
from carbon.domain.ledger.journal import Journal
from carbon.ports.ledger import MAX_BATCH, Answer

#: How often a transaction is tried that met another one, and how long it waits at most before the
#: second try (seconds), twice as long before each further one.
_TRIES, _WAIT = 6, 0.02
_PAGE = 10_000


def open_account(connection: sa.Connection, account: Account, at: datetime) -> None:
    """Open an account unless it is open. Raises ``ledger.policy`` if it has another policy."""
    asset = _number(connection, t.asset, {"code": account.asset})
    key = {"asset": asset, "code": account.code}
    number = _number(connection, t.account, key, policy=account.policy, opened_at=at)
    query = sa.select(t.account.c.policy).where(t.account.c.id == number)
    policy: str = connection.execute(query).scalar_one()
    if policy != account.policy:
        raise CarbonError("ledger.policy", account=account.code, policy=policy)


def _number(connection: sa.Connection, table: sa.Table, key: Mapping[str, Any], **rest: Any) -> int:
    """The number of the row with a key, inserted unless it is there."""
    find = sa.select(table.c.id).where(*(table.c[name] == value for name, value in key.items()))
    number = connection.execute(find).scalar()
    if number is None:
        row = sa.insert(table).values(**key, **rest)
        if connection.dialect.name == "postgresql":  # where another one may be faster
            from sqlalchemy.dialects.postgresql import insert as insert_absent

            row = insert_absent(table).values(**key, **rest).on_conflict_do_nothing()
        connection.execute(row)
        number = connection.execute(find).scalar_one()
    return int(number)


def post(
    connection: sa.Connection, journals: Sequence[Journal], at: datetime
) -> tuple[Answer, ...]:
    """Post journals in the caller's transaction, all or none; those posted before are repeated.

    Accounts and holds must be there already. Raises, and the transaction must be rolled back,
    ``ledger.insufficient``, ``ledger.overflow``, ``ledger.unknown``,
    ``ledger.reversal``, ``ledger.ended``, and ``request.conflict`` where a key stands for another
    journal; a broken uniqueness is a race for a hold (`facts.raced`).
    """
    answers = _enter(connection, journals, at)
    for answer in answers:
        if answer.error is not None:
            raise answer.error
    return answers


def _enter(
    connection: sa.Connection, journals: Sequence[Journal], at: datetime
) -> tuple[Answer, ...]:
    """Enter what is new; a conflict is told in its answer, whatever else is refused is raised."""
    if len(journals) > MAX_BATCH:
        raise CarbonError("ledger.form", what="journals", value=len(journals))
    firsts: dict[str, Journal] = {}
    for journal in journals:
        firsts.setdefault(journal.key, journal)
    lines = [line for journal in journals for line in journal.lines]
    others = [key for j in journals for key in (j.reverses, *j.uses) if key is not None]
    with refusals([*firsts], lines, others):
        using = _use_holds(connection, [*firsts.values()], at)
        numbers = enter(connection, [*firsts.values()], at)
        new = [journal for journal in firsts.values() if journal.key in numbers]
        add_reversals(connection, new, numbers)
    if not using <= numbers.keys():
        raise CarbonError("store.raced", reason=", ".join(using - numbers.keys()))
    known = digests_of(connection, t.journal, [key for key in firsts if key not in numbers])
    fresh = dict(numbers)
    return tuple(
        answer_again(journal, known.get(journal.key) or firsts[journal.key].digest())
        if fresh.pop(journal.key, None) is None
        else Answer(journal.key)
        for journal in journals
    )


def _use_holds(
    connection: sa.Connection, journals: Sequence[Journal], at: datetime
) -> AbstractSet[str]:
    """End the holds that new journals use, before these move what was held; returns their keys."""
    using = [journal for journal in journals if journal.uses]
    known = digests_of(connection, t.journal, [journal.key for journal in using])
    uses = {key: j.key for j in using if j.key not in known for key in j.uses}
    holds = open_holds(connection, [*uses])
    end_holds(connection, [(number, "posted", uses[key]) for key, number in holds.items()], at)
    return set(uses.values())


# --- a transaction of one's own -------------------------------------------------------------------


def post_batch(database: Database, journals: Sequence[Journal], at: datetime) -> tuple[Answer, ...]:
    """Post up to ``MAX_BATCH`` journals so that only those are refused that must be.

    One transaction where none is; otherwise the batch is halved until each offender stands alone.
    Raises ``store.raced`` where five further tries met other transactions too, ``store.*``.
    """
    answers: dict[int, Answer] = {}
    parts = [range(len(journals))] if journals else []
    while parts:
        part = parts.pop()
        try:
            told = _tried(database, [journals[n] for n in part], at)
        except CarbonError as error:
            if not error.code.startswith("ledger."):
                raise
            if len(part) > 1:
                half = len(part) // 2
                parts += [part[half:], part[:half]]
                continue
            told = (Answer(journals[part[0]].key, error=error),)
        answers |= zip(part, told, strict=True)
    return tuple(answers[n] for n in range(len(journals)))


def _tried(database: Database, journals: Sequence[Journal], at: datetime) -> tuple[Answer, ...]:
    """One transaction, tried again where it met another one."""
    for attempt in range(_TRIES):
        try:
            with raced(), database.write() as connection:
                return _enter(connection, journals, at)
        except CarbonError as error:
            if error.code != "store.raced" or attempt == _TRIES - 1:
                raise
            # Chance keeps those who met once from meeting again.
            time.sleep(random.uniform(0, _WAIT * 2**attempt))  # noqa: S311  no secret
    raise AssertionError("unreachable: the last try returns or raises")


# --- balances -------------------------------------------------------------------------------------

_ACCOUNTS = sa.select(
    t.asset.c.code.label("asset"),
    t.account.c.code,
    t.account.c.policy,
    t.account.c.debits,
    t.account.c.credits,
    t.account.c.held,
).join_from(t.account, t.asset, t.account.c.asset == t.asset.c.id)


def balance(connection: sa.Connection, asset: str, account: str) -> Balance:
    """What an account has. Raises ``ledger.unknown``."""
    query = _ACCOUNTS.where(t.asset.c.code == asset, t.account.c.code == account)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CarbonError("ledger.unknown", what=f"{asset} · {account}")
    return _balance(row)


def assets(connection: sa.Connection) -> list[str]:
    """All assets there are accounts of."""
    return list(connection.execute(sa.select(t.asset.c.code).order_by(t.asset.c.code)).scalars())


def balances(
    connection: sa.Connection,
    asset: str | None = None,
    after: tuple[str, str] | None = None,
    limit: int | None = None,
) -> Iterator[Balance]:
    """What all accounts have, or those of an asset, by asset and code; streamed.

    ``after``: only those that follow an asset's account.
    """
    place = t.asset.c.code, t.account.c.code
    query = _ACCOUNTS.order_by(*place).limit(limit)
    if asset is not None:
        query = query.where(t.asset.c.code == asset)
    if after is not None:
        query = query.where(sa.tuple_(*place) > sa.tuple_(*map(sa.literal, after)))
    rows = connection.execute(query.execution_options(yield_per=_PAGE))
    return (_balance(row) for row in rows)


def _balance(row: Any) -> Balance:
    account = Account(row.asset, row.code, Policy(row.policy))
    return Balance(account, row.debits, row.credits, row.held)
