"""Where a project stands: what its next report starts from, told by its issuances so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carbon.ports.registry import Decided, Decisions


@dataclass(frozen=True, slots=True)
class Position:
    """Where a project stands after its issuances: what the next report starts from.

    ``part``: number of the month's next report; ``first``: leaf its records begin at;
    ``deficit_g``: losses carried, never positive.
    """

    part: int
    first: int
    deficit_g: int


def position(decisions: Decisions, project: str, month: str) -> Position:
    """What the next report of a month starts from."""
    own = decisions.every("issuance", f"{project}/{month}/")
    first = own[-1].decision.effect["to"] if own else 0
    return Position(len(own), first, deficit_g(decisions, project))


def deficit_g(decisions: Decisions, project: str) -> int:
    """Losses and over-issued grams still owed: of the last issuance, less what was restated since.

    Never positive.
    """
    issued = decisions.every("issuance", f"{project}/")
    if not issued:
        return 0
    last = max(issued, key=lambda found: found.decision.effect["number"]).decision.effect
    owed = sum(
        int(told["owed_g"])
        for found in decisions.every("restatement")
        for told in found.decision.effect["reports"]
        if told["report"].startswith(f"{project}/") and told["after"] >= last["number"]
    )
    return int(last["deficit_out_g"]) - owed


def issued_reports(decisions: Decisions, project: str = "") -> Sequence[Decided]:
    """Every issuance, or those of a project."""
    return decisions.every("issuance", f"{project}/" if project else "")
