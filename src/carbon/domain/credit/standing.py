"""Where a project stands: what its next report starts from, told by its issuances so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carbon.domain.credit.history import Decided, History


@dataclass(frozen=True, slots=True)
class Position:
    """What the next report of a project's month starts from.

    ``part``: its number among the month's reports; ``first``: leaf its records begin at, which is
    where the last issued one ended; ``previous``: that one's number, ``None`` before the first;
    ``deficit_g``: losses carried, never positive.
    """

    part: int
    first: int
    previous: int | None
    deficit_g: int


def position(history: History, project: str, month: str) -> Position:
    """What the next report of a month starts from."""
    reports = history.every("report", f"{project}/{month}/")
    issued = [found.decision for found in history.every("issuance", f"{project}/{month}/")]
    return Position(
        part=len(reports),
        first=issued[-1].effect["to"] if issued else 0,
        previous=int(issued[-1].id.rpartition("/")[2]) if issued else None,
        deficit_g=deficit_g(history, project),
    )


def deficit_g(history: History, project: str) -> int:
    """Losses and over-issued grams still owed: of the last issuance, less what was restated since.

    Never positive.
    """
    issued = history.every("issuance", f"{project}/")
    if not issued:
        return 0
    last = max(issued, key=lambda found: found.decision.effect["number"]).decision.effect
    owed = sum(
        int(told["owed_g"])
        for found in history.every("restatement")
        for told in found.decision.effect["reports"]
        if told["report"].startswith(f"{project}/") and told["after"] >= last["number"]
    )
    return int(last["deficit_out_g"]) - owed


def issued_reports(history: History, project: str = "") -> Sequence[Decided]:
    """Every issuance, or those of a project."""
    return history.every("issuance", f"{project}/" if project else "")
