"""What services need of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
