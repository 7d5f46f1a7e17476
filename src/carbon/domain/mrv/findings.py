"""Findings of a verification: non-conformities, clarifications, forward actions, and their clocks.

A non-conformity (CAR, 不符合项) blocks statement and issuance until it is closed. A clarification
(CL, 澄清要求) is closed before the statement, and one not closed when its clock has run out counts
as CAR from then on. A forward action (FAR, 后续行动要求) is answered within its clock with what
will be done; answered, it may stay open and is carried to the next period, unanswered it counts as
CAR. An adverse statement, on which nothing is issued, waits for none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

from carbon.domain.errors import CarbonError

Class = Literal["CAR", "CL", "FAR"]
CLASSES: Final[tuple[Class, ...]] = ("CAR", "CL", "FAR")
#: How long a clarification and a forward action may wait (TRUST V4).
CLOCK: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Raised:
    """A verifier raises a finding on a day."""

    finding: str
    on: date
    by: str
    class_: Class


@dataclass(frozen=True, slots=True)
class Answered:
    """The responsible party answers; again where the verifier was not content."""

    finding: str
    on: date
    by: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A verifier accepts the answer."""

    finding: str
    on: date
    by: str


Event = Raised | Answered | Closed


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding after some events. ``answered_on``: its first answer; ``answered_by``: all."""

    id: str
    class_: Class
    raised_on: date
    last_on: date
    answered_on: date | None = None
    answered_by: frozenset[str] = frozenset()
    closed_on: date | None = None

    @property
    def due(self) -> date:
        """Last day of its clock."""
        return self.raised_on + CLOCK

    def class_on(self, today: date) -> Class:
        """What it counts as: a CAR once its clock has run out over it, answered late or not."""
        met = self.answered_on if self.class_ == "FAR" else self.closed_on
        return "CAR" if (met or today) > self.due else self.class_


def fold(events: Iterable[Event]) -> dict[str, Finding]:
    """Findings by id, from their events in order.

    Raises ``finding.order`` for an event that cannot follow what came before, and
    ``finding.same_person`` where somebody closes what they answered.
    """
    found: dict[str, Finding] = {}
    for event in events:
        found[event.finding] = _next(found.get(event.finding), event)
    return found


def _next(before: Finding | None, event: Event) -> Finding:
    match event, before:
        case Raised(), None:
            if event.class_ in CLASSES:
                return Finding(event.finding, event.class_, event.on, event.on)
        case Answered(), Finding(closed_on=None) if event.on >= before.last_on:
            return replace(
                before,
                last_on=event.on,
                answered_on=before.answered_on or event.on,
                answered_by=before.answered_by | {event.by},
            )
        case Closed(), Finding(closed_on=None) if before.answered_by and event.on >= before.last_on:
            if event.by in before.answered_by:
                raise CarbonError("finding.same_person", finding=event.finding)
            return replace(before, last_on=event.on, closed_on=event.on)
    raise CarbonError("finding.order", finding=event.finding, event=type(event).__name__)


def blocking(findings: Mapping[str, Finding], today: date) -> list[Finding]:
    """Findings that block any statement but an adverse one: every CAR and CL not closed."""
    return [f for f in _open(findings) if f.class_on(today) != "FAR"]


def blocking_issuance(findings: Mapping[str, Finding], today: date) -> list[Finding]:
    """Findings that block issuance: whatever counts as CAR and is not closed."""
    return [f for f in _open(findings) if f.class_on(today) == "CAR"]


def carried(findings: Mapping[str, Finding], today: date) -> list[Finding]:
    """Forward actions that go on into the next period."""
    return [f for f in _open(findings) if f.class_on(today) == "FAR"]


def _open(findings: Mapping[str, Finding]) -> list[Finding]:
    return [found for found in findings.values() if found.closed_on is None]
