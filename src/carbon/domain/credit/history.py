"""What was decided so far, read from wherever it is kept: a database, or the leaves of a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from carbon.domain.credit.decision import Decision, Draft, Member


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that took effect, and its place in the log; ``None`` until it is sequenced."""

    decision: Decision
    leaf_index: int | None


class History(Protocol):
    """Reads what was decided."""

    def members(self) -> Mapping[str, Member]:
        """Who may sign now, by public key."""

    def registered(self) -> Mapping[str, Member]:
        """Everybody who ever could, by public key."""

    def find(self, kind: str, id_: str) -> Decided | None:
        """One decision."""

    def every(self, kind: str, prefix: str = "") -> Sequence[Decided]:
        """All of a kind whose id starts with something, in order."""


#: A rule of one kind: raises what stands against a draft after a history, on a day in Tianjin.
Check = Callable[[History, Draft, date], None]
