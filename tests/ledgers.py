"""A small ledger to try things on: an issuer, holders, a sink."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import sqlalchemy as sa

from carbon.adapters.store.database import Database
from carbon.adapters.store.facts import raced
from carbon.adapters.store.ledger import balances, open_account, post
from carbon.adapters.store.ledger_checks import LedgerChecks
from carbon.domain.ledger.account import Account, Policy
from carbon.domain.ledger.journal import Hold, Journal, Transfer
from carbon.ports.ledger import Answer, Rule
from carbon.settings import Settings

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)
POINTS, FEN = "points", "fen"
ISSUER, GONE = "issuer", "retired"
HOLDERS = ("a", "b", "c")

Result = TypeVar("Result")


def move(giver: str, getter: str, amount: int, asset: str = POINTS) -> Transfer:
    return Transfer(asset, giver, getter, amount)


def journal(key: str, *lines: Transfer, **rest: object) -> Journal:
    return Journal(key, "test", lines, **rest)


def hold(key: str, giver: str, getter: str, amount: int, until: datetime) -> Hold:
    return Hold(key, move(giver, getter, amount), until)


class Books:
    """A database with accounts, and short ways to use it."""

    def __init__(self, settings: Settings) -> None:
        self.database = Database(settings.database)
        with self.database.write() as connection:
            for asset in (POINTS, FEN):
                open_account(connection, Account(asset, ISSUER, Policy.SOURCE), AT)
                open_account(connection, Account(asset, GONE, Policy.SINK), AT)
                for code in HOLDERS:
                    open_account(connection, Account(asset, code, Policy.HOLDER), AT)

    def close(self) -> None:
        self.database.close()

    def within(self, act: Callable[[sa.Connection], Result]) -> Result:
        """One transaction."""
        with raced(), self.database.write() as connection:
            return act(connection)

    def post(self, *journals: Journal, at: datetime = AT) -> tuple[Answer, ...]:
        return self.within(lambda connection: post(connection, journals, at))

    def amounts(self, asset: str = POINTS) -> dict[str, int]:
        with self.database.read() as connection:
            return {b.account.code: b.amount for b in balances(connection, asset)}

    def held(self) -> dict[str, int]:
        with self.database.read() as connection:
            return {b.account.code: b.held for b in balances(connection, POINTS) if b.held}

    def broken(self) -> list[Rule]:
        """Invariants that do not hold."""
        checks = LedgerChecks(self.database)
        return [rule for rule in Rule if checks.broken(rule) is not None]

    def count(self, table: sa.Table) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
