"""What services need of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from carbon.domain.errors import CarbonError
from carbon.domain.ledger.journal import Journal

#: Journals, or holds, that are entered together.
MAX_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a journal or a hold. ``repeated``: it was there before, asked for alike.

    ``error``: why it was refused, and nothing of it entered.
    """

    key: str
    repeated: bool = False
    error: CarbonError | None = None


class Poster(Protocol):
    """Posts journals, many at once."""

    def __call__(self, journals: Sequence[Journal], /) -> Sequence[Answer]:
        """Post up to ``MAX_BATCH`` journals; each has its own answer. Raises ``store.*``."""


class JournalGatherer(Protocol):
    """Brings journals into the log."""

    def gather(self, at: datetime) -> int:
        """Give all journals without a leaf one pending bulk leaf; returns how many there were."""


class Rule(StrEnum):
    """What always holds of the ledger; the number is that of the project's list of invariants."""

    BALANCED = "I1"
    COUNTED = "I2"
    COVERED = "I3"
    ONE_ASSET = "I4"
    COMPLETE = "I5"
    HELD = "I8"
    MIRRORED = "I14"


@dataclass(frozen=True, slots=True)
class Broken:
    """How many rows break a rule, and the name of one of them."""

    count: int
    example: str


class LedgerReader(Protocol):
    """The whole ledger, for checks."""

    def broken(self, rule: Rule) -> Broken | None:
        """What breaks a rule, if anything does."""

    def published(self, size: int) -> Iterator[tuple[str, str, int]]:
        """Asset, account and balance of all journals in the first leaves of the log."""
