"""Accounts and the permits they act with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.domain.access import Status
from carbon.domain.roles import Role
from carbon.ports.accounts import Account, Permit

_P = t.principal.c


def _account(row: Any) -> Account:
    return Account(
        id=row.id,
        role=Role(row.role),
        organisation=row.organisation,
        person=row.person,
        status=Status(row.status),
        nonce=row.nonce,
        request=row.request,
        created_at=row.created_at,
        freezes=row.freezes,
        asked=row.asked,
    )


class StoredAccounts:
    """Implements the port ``AccountRows``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def _one(self, query: sa.Select[Any]) -> Account | None:
        row = self._connection.execute(query).first()
        return None if row is None else _account(row)

    def find(self, id_: str, *, lock: bool = False) -> Account | None:
        """An account; ``lock``: nobody else changes it until the unit ends."""
        query = sa.select(t.principal).where(_P.id == id_)
        return self._one(query.with_for_update() if lock else query)

    def of_phone(self, lookup: str) -> Account | None:
        """Whose number it is."""
        join = t.phone.c.principal == _P.id
        return self._one(
            sa.select(t.principal).join(t.phone, join).where(t.phone.c.lookup == lookup)
        )

    def of_subject(self, subject: str) -> Account | None:
        """Who is linked with a name at another identity provider."""
        other = t.external_subject
        query = sa.select(t.principal).join(other, other.c.principal == _P.id)
        return self._one(query.where(other.c.subject == subject))

    def residents_of(self, person: str) -> Sequence[Account]:
        """Residents' accounts of a person."""
        query = sa.select(t.principal).where(_P.person == person, _P.role == Role.RESIDENT)
        return [_account(row) for row in self._connection.execute(query.order_by(_P.id))]

    def page(self, after: str, limit: int) -> Sequence[Account]:
        """Some by id; those after one."""
        query = sa.select(t.principal).where(_P.id > after).order_by(_P.id).limit(limit)
        return [_account(row) for row in self._connection.execute(query)]

    def active_operators(self) -> int:
        """How many operators can act."""
        query = sa.select(sa.func.count()).select_from(t.principal)
        query = query.where(_P.role == Role.OPERATOR, _P.status == Status.ACTIVE)
        return self._connection.execute(query).scalar_one()

    def add(self, account: Account) -> None:
        """Add one."""
        row = {name: getattr(account, name) for name in account.__dataclass_fields__}
        self._connection.execute(sa.insert(t.principal), row)

    def put(self, account: Account) -> None:
        """Change status, freezes and the first approval of one that may not act."""
        changed = {"status": account.status, "freezes": account.freezes, "asked": account.asked}
        self._connection.execute(sa.update(t.principal).where(_P.id == account.id).values(changed))

    def admit(self, permit: Permit) -> None:
        """Keep the permit and let its account act."""
        account, number = permit.account, permit.number
        row = {
            "principal": account.id,
            "number": number,
            "role": account.role,
            "organisation": account.organisation,
            "first": permit.first,
            "second": permit.second,
            "at": permit.at,
        }
        self._connection.execute(sa.insert(t.permit), row)
        changed = {"status": Status.ACTIVE, "permit": number, "asked": None}
        self._connection.execute(sa.update(t.principal).where(_P.id == account.id).values(changed))

    def permit(self, id_: str, number: int) -> Permit | None:
        """The permit after a number of freezes."""
        query = sa.select(t.permit).where(t.permit.c.principal == id_, t.permit.c.number == number)
        row, account = self._connection.execute(query).first(), self.find(id_)
        if row is None or account is None:
            return None
        return Permit(account, row.number, row.first, row.second, row.at)

    def remove(self, id_: str) -> None:
        """Remove one with everything that is its own, which the database takes along."""
        self._connection.execute(sa.delete(t.principal).where(_P.id == id_))
