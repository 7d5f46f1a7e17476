"""Transfers, the journals that group them, and holds. Everything is checked where it is made."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from carbon.domain.ledger.account import MAX_AMOUNT, check, is_amount, is_code

#: Transfers, and holds used up, of one journal.
MAX_LINES: Final = 1_000
MAX_KEY: Final = 200
#: What the key of a journal that makes a hold good begins with.
_HOLD: Final = "hold:"

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def is_key(value: str) -> bool:
    """Whether a text can be an idempotency id: one line that can be read, spaces not at its ends.

    It is published: callers put a keyed hash where a client's own id might tell who they are.
    """
    return 0 < len(value) <= MAX_KEY and value.isprintable() and value == value.strip()


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
        check("kind", self.kind, lambda kind: is_code(kind) and " " not in kind)
        check("lines", len(self.lines), lambda count: 0 < count <= MAX_LINES)
        check("amount", sum(t.amount for t in self.lines), lambda total: total <= MAX_AMOUNT)
        check("holds", len(self.uses), lambda count: count <= MAX_LINES)
        check("holds", self.uses, lambda keys: len(set(keys)) == len(keys))
        for key in (*self.uses, self.subject, self.reverses):
            check("key", key, lambda value: value is None or is_key(value))

    def reversal(self, key: str, subject: str | None = None) -> Journal:
        """The journal that undoes this one; holds it used are not opened again."""
        lines = tuple(line.mirrored() for line in self.lines)
        return Journal(key, "reversal", lines, subject, reverses=self.key)

    def digest(self) -> bytes:
        """SHA-256 of all that was asked for: the same key with another digest is a conflict."""
        asked = {
            "kind": self.kind,
            "lines": [(t.asset, t.debit, t.credit, t.amount) for t in self.lines],
            "subject": self.subject,
            "uses": self.uses,
            "reverses": self.reverses,
        }
        return hashlib.sha256(_encode(asked).encode()).digest()


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
        line = self.promised
        moment = self.expires_at.astimezone(UTC).isoformat()
        asked = [line.asset, line.debit, line.credit, line.amount, moment]
        return hashlib.sha256(_encode(asked).encode()).digest()

    def posting(self) -> Journal:
        """The journal that makes the promise good as a whole."""
        return Journal(_HOLD + self.key, "hold", (self.promised,), uses=(self.key,))
