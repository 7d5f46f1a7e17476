"""What was decided so far, read from wherever it is kept: a database, or the leaves of a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from carbon.domain.credit.decision import Decision, Draft, Member, members_of


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


class HistorySoFar:
    """Decisions read one after another; implements ``History``."""

    def __init__(self) -> None:
        self._by_kind: dict[str, dict[str, Decided]] = {}
        self._registered: dict[str, Member] = {}
        self._ended: set[str] = set()

    def add(self, decided: Decided) -> None:
        """Append a decision; what it says of members holds from the next one on."""
        decision = decided.decision
        self._by_kind.setdefault(decision.kind, {})[decision.id] = decided
        if decision.kind == "member":
            self._registered |= {member.key: member for member in members_of(decision.content)}
        elif decision.kind == "member_end":
            self._ended.update(decision.content["keys"])

    def members(self) -> Mapping[str, Member]:
        """Who may sign now, by public key."""
        return {key: m for key, m in self._registered.items() if key not in self._ended}

    def registered(self) -> Mapping[str, Member]:
        """Everybody who ever could, by public key."""
        return self._registered

    def find(self, kind: str, id_: str) -> Decided | None:
        """One decision."""
        return self._by_kind.get(kind, {}).get(id_)

    def every(self, kind: str, prefix: str = "") -> Sequence[Decided]:
        """All of a kind whose id starts with something, in order."""
        own = self._by_kind.get(kind, {})
        return [decided for id_, decided in own.items() if id_.startswith(prefix)]
