"""Independence (独立性): who may verify and review a project's period (TRUST V5).

That nobody issues on what they verified or reviewed is checked at issuance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from carbon.domain.errors import CarbonError

#: Periods in a row, and then periods without.
MOST_IN_A_ROW: Final = 3
BREAK: Final = 2


@dataclass(frozen=True, slots=True)
class Assignee:
    """A person, by pseudonym, and the organisation acted for."""

    person: str
    organisation: str


def check_assignment(
    team: Collection[Assignee],
    reviewer: Assignee,
    conflicts: Collection[str],
    month: int,
    past: Iterable[tuple[int, str]],
) -> None:
    """Whether a team may verify a project's month, and the reviewer review it.

    ``conflicts``: persons and organisations of the project's conflict register, its owner among
    them; ``past``: the project's verifications so far, as month number and person of the team.
    Raises ``independence.conflict``, ``independence.reviewer``, ``independence.rotation``.
    """
    for one in (*team, reviewer):
        if {one.person, one.organisation} & set(conflicts):
            raise CarbonError("independence.conflict", person=one.person)
    if any(reviewer.person == one.person for one in team):
        raise CarbonError("independence.reviewer", person=reviewer.person)
    verified = list(past)
    for one in team:
        if most_in_a_row(one.person, [*verified, (month, one.person)]) > MOST_IN_A_ROW:
            raise CarbonError(
                "independence.rotation", person=one.person, most=MOST_IN_A_ROW, out=BREAK
            )


def most_in_a_row(person: str, past: Iterable[tuple[int, str]]) -> int:
    """Most periods somebody verified between two full breaks, in whatever order they were assigned.

    Periods are the project's own: a month without a report is no break from it. A shorter break
    than :data:`BREAK` periods ends nothing.
    """
    teams: dict[int, set[str]] = {}
    for month, one in past:
        teams.setdefault(month, set()).add(one)
    run = out = most = 0
    for _, team in sorted(teams.items()):
        run, out = (run + 1, 0) if person in team else (run, out + 1)
        run = 0 if out >= BREAK else run
        most = max(most, run)
    return most
