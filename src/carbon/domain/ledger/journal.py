"""Transfers, the journals that group them, and holds. Everything is checked where it is made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from carbon.domain.ledger.account import MAX_AMOUNT, check, is_amount, is_code

#: Transfers, and holds used up, of one journal.
MAX_LINES: Final = 1_000
MAX_KEY: Final = 200
#: What the key of a journal that makes a hold good begins with.
_HOLD: Final = "hold:"


def is_key(value: str) -> bool:
    """Whether a text can be an idempotency id: one line that can be read, spaces not at its ends.

    It is published: callers put a keyed hash where a client's own id might tell who they are.
    """
    return 0 < len(value) <= MAX_KEY and value.isprintable() and value == value.strip()


def _is_kind(value: str) -> bool:
    return is_code(value) and " " not in value


def _are_lines(lines: Sequence[Transfer]) -> bool:
    return 0 < len(lines) <= MAX_LINES and sum(t.amount for t in lines) <= MAX_AMOUNT


def _are_uses(keys: Sequence[str]) -> bool:
    return len(set(keys)) == len(keys) <= MAX_LINES and all(map(is_key, keys))


@dataclass(frozen=True, slots=True)
class Transfer:
    """An amount of an asset from the account ``debit``, which gives, to ``credit``, which gets.

    A balance is credits less debits. Raises ``ledger.form``.
    """

    asset: str
    debit: str
    credit: str
    amount: int

    def __post_init__(self) -> None:
        check("asset", self.asset, is_code)
        check("account", self.debit, is_code)
        check("account", self.credit, is_code)
        check("account", self.credit, lambda code: code != self.debit)
        check("amount", self.amount, is_amount)

    def mirrored(self) -> Transfer:
        """The way back."""
        return Transfer(self.asset, self.credit, self.debit, self.amount)


@dataclass(frozen=True, slots=True)
class Journal:
    """Transfers that happen together or not at all. Raises ``ledger.form``.

    ``key``: the client's idempotency id; ``kind``: a word that says why; ``subject``: the fact it
    rests on; ``uses``: keys of holds that end with it, their amounts free for its own lines;
    ``reverses``: key of the journal whose exact mirror it is.
    """

    key: str
    kind: str
    lines: tuple[Transfer, ...]
    subject: str | None = None
    uses: tuple[str, ...] = ()
    reverses: str | None = None

    def __post_init__(self) -> None:
        check("key", self.key, is_key)
        check("kind", self.kind, _is_kind)
        check("lines", self.lines, _are_lines)
        check("holds", self.uses, _are_uses)
        for key in (self.subject, self.reverses):
            if key is not None:
                check("key", key, is_key)

    def reversal(self, key: str, subject: str | None = None) -> Journal:
        """The journal that undoes this one; holds it used are not opened again."""
        lines = tuple(line.mirrored() for line in self.lines)
        return Journal(key, "reversal", lines, subject, reverses=self.key)

    def digest(self) -> bytes:
        """SHA-256 of all that was asked for: the same key with another digest is a conflict.

        One text a line; none of them holds a line break, and counts tell where lists end.
        """
        asked = [self.kind, self.subject or "", self.reverses or "", str(len(self.uses))]
        asked += self.uses
        for line in self.lines:
            asked += (line.asset, line.debit, line.credit, str(line.amount))
        return hashlib.sha256("\n".join(asked).encode()).digest()


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount that an account promises to another one until a moment. Raises ``ledger.form``.

    It ends once: used by a journal, voided, or expired.
    """

    key: str
    promised: Transfer
    expires_at: datetime

    def __post_init__(self) -> None:
        check("key", self.key, lambda key: is_key(_HOLD + key))
        check("time", self.expires_at, lambda at: at.utcoffset() is not None)

    def digest(self) -> bytes:
        """SHA-256 of all that was asked for."""
        line, until = self.promised, self.expires_at.astimezone(UTC).isoformat()
        asked = (line.asset, line.debit, line.credit, str(line.amount), until)
        return hashlib.sha256("\n".join(asked).encode()).digest()

    def posting(self) -> Journal:
        """The journal that makes the promise good as a whole."""
        return Journal(_HOLD + self.key, "hold", (self.promised,), uses=(self.key,))
