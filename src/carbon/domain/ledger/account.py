"""Accounts: where an amount of one asset is kept, and how far it may fall."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from carbon.domain.errors import CarbonError

#: What a code may look like. It is published, so it names no person; a second space, or a sign that
#: means something to them, would mislead the programs a journal is exported to.
_CODE: Final = re.compile(r"[A-Za-z0-9](?: ?[A-Za-z0-9._/:@+-])*")
MAX_CODE: Final = 100
#: Amounts and counters are signed 64-bit integers in every engine.
MAX_AMOUNT: Final = 2**63 - 1


class Policy(StrEnum):
    """How far an account may fall.

    ``SOURCE``: any distance, the issuer's side; ``HOLDER``: never below zero, what it holds for
    others included; ``SINK``: never at all, it only receives (retired, cancelled).
    """

    SOURCE = "source"
    HOLDER = "holder"
    SINK = "sink"


@dataclass(frozen=True, slots=True)
class Account:
    """An account: its asset, its code within it, its policy. Raises ``ledger.form``."""

    asset: str
    code: str
    policy: Policy

    def __post_init__(self) -> None:
        check("asset", self.asset, is_code)
        check("account", self.code, is_code)
        check("policy", self.policy, lambda value: value in tuple(Policy))


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has given and got. ``held``: promised away by holds that are open."""

    account: Account
    debits: int
    credits: int
    held: int

    @property
    def amount(self) -> int:
        """What it has: credits less debits; negative for a source."""
        return self.credits - self.debits

    @property
    def free(self) -> int:
        """What it can give."""
        return self.amount - self.held


@lru_cache(maxsize=65_536)
def is_code(value: str) -> bool:
    """Whether a text can name an asset or an account."""
    return len(value) <= MAX_CODE and _CODE.fullmatch(value) is not None


def is_amount(value: int) -> bool:
    """Whether a number can be moved: whole, positive, within 63 bits; true is no number."""
    return type(value) is int and 0 < value <= MAX_AMOUNT


def check(what: str, value: object, test: Callable[..., object]) -> None:
    """Raise ``ledger.form`` unless a value passes a test, which a foreign type fails too."""
    try:
        sound = test(value)
    except (TypeError, AttributeError):
        sound = False
    if not sound:
        raise CarbonError("ledger.form", what=what, value=repr(value)[:MAX_CODE])
