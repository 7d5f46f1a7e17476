"""Holds: amounts promised, made good, given back or run out; each ends once.

Where two end the same one, the slower breaks a uniqueness: a race (`facts.raced`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.bulk import keyed
from carbon.adapters.store.entries import (
    add_holds,
    answer_again,
    digests_of,
    end_holds,
    open_holds,
    refusals,
)
from carbon.adapters.store.ledger import post
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.journal import Hold, Transfer
from carbon.ports.ledger import MAX_BATCH, Answer

VOIDED, EXPIRED = "voided", "expired"


def place_holds(
    connection: sa.Connection, holds: Sequence[Hold], at: datetime
) -> tuple[Answer, ...]:
    """Place holds in the caller's transaction, all or none; those placed before are repeated.

    Raises ``ledger.insufficient``, ``ledger.overflow``, ``ledger.unknown``,
    ``ledger.ended`` for one that would be expired, ``request.conflict``.
    """
    keys = [hold.key for hold in holds]
    if len(holds) > MAX_BATCH or len(set(keys)) < len(keys):
        raise CarbonError("ledger.form", what="holds", value=len(holds))
    late = [hold.key for hold in holds if hold.expires_at <= at]
    if late:
        raise CarbonError("ledger.ended", key=late[0])
    with refusals(keys, [hold.promised for hold in holds]):
        numbers = add_holds(connection, holds, at)
    known = digests_of(connection, t.hold, [key for key in keys if key not in numbers])
    answers = tuple(
        answer_again(hold, known[hold.key]) if hold.key in known else Answer(hold.key)
        for hold in holds
    )
    for answer in answers:
        if answer.error is not None:
            raise answer.error
    return answers


def post_hold(connection: sa.Connection, key: str, at: datetime) -> Answer:
    """Make a promise good as a whole; the journal's key is ``hold:`` and the hold's.

    Raises ``ledger.unknown``, ``ledger.ended`` if it was given back or has run out.
    """
    (answer,) = post(connection, [_stored(connection, key).posting()], at)
    return answer


def void_holds(connection: sa.Connection, keys: Sequence[str], at: datetime) -> None:
    """Give promised amounts back; voiding again changes nothing.

    Raises ``ledger.unknown``, ``ledger.ended`` if one was made good or has run out.
    """
    voided = (t.hold_end.c.outcome == VOIDED) & (t.hold_end.c.hold == t.hold.c.id)
    query = sa.select(t.hold.c.key).where(sa.exists().where(voided))
    done = {row.key for row in keyed(connection, query, t.hold.c.key, keys)}
    numbers = open_holds(connection, [key for key in keys if key not in done])
    end_holds(connection, [(number, VOIDED, None) for number in numbers.values()], at)


def expire_holds(connection: sa.Connection, at: datetime, limit: int = MAX_BATCH) -> list[str]:
    """End up to ``limit`` holds whose time is over, the oldest first; returns their keys."""
    ended = sa.exists().where(t.hold_end.c.hold == t.hold.c.id)
    query = (
        sa.select(t.hold.c.id, t.hold.c.key)
        .where(t.hold.c.expires_at <= at, ~ended)
        .order_by(t.hold.c.expires_at, t.hold.c.id)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    end_holds(connection, [(row.id, EXPIRED, None) for row in rows], at)
    return [row.key for row in rows]


def _stored(connection: sa.Connection, key: str) -> Hold:
    """A hold as it was placed. Raises ``ledger.unknown``."""
    giver, getter = t.account.alias(), t.account.alias()
    query = (
        sa.select(
            t.asset.c.code.label("asset"),
            giver.c.code.label("dr"),
            getter.c.code.label("cr"),
            t.hold.c.amount,
            t.hold.c.expires_at,
        )
        .join_from(t.hold, t.asset, t.asset.c.id == t.hold.c.asset)
        .join(giver, giver.c.id == t.hold.c.dr)
        .join(getter, getter.c.id == t.hold.c.cr)
        .where(t.hold.c.key == key)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise CarbonError("ledger.unknown", what=f"hold {key}")
    return Hold(key, Transfer(row.asset, row.dr, row.cr, row.amount), row.expires_at)
