"""What recurring work needs of the store: runs that one worker at a time holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a job: ``asked``, ``running``, ``done`` or ``failed`` with a ``code``."""

    job: str
    due_at: datetime
    state: str
    attempt: int
    owner: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    code: str | None = None
    result: Mapping[str, Any] | None = None
    request: str | None = None


class Runs(Protocol):
    """Runs in the store. What names an attempt changes nothing once another one was made."""

    def claim(
        self, job: str, due_at: datetime, owner: str, now: datetime, until: datetime
    ) -> int | None:
        """Take a run: a new one, one whose owner was not heard of, one to be tried again.

        Returns the number of the attempt; ``None`` where it is another one's, or over.
        """

    def extend(self, job: str, due_at: datetime, attempt: int, until: datetime) -> bool:
        """Go on holding a run; false where it was lost."""

    def finish(
        self,
        job: str,
        due_at: datetime,
        attempt: int,
        at: datetime,
        code: str | None,
        result: Mapping[str, Any],
    ) -> bool:
        """End a run, with a code where it failed; false where it was lost."""

    def give_back(self, job: str, due_at: datetime, attempt: int) -> None:
        """Let another worker have a run at once."""

    def ask(self, job: str, request: str, now: datetime) -> Run:
        """Ask for a run now; the same request is the same run. Raises ``request.conflict``."""

    def asked(self) -> Sequence[tuple[str, datetime]]:
        """Runs that were asked for and nobody has taken."""

    def latest(self, job: str, limit: int) -> Sequence[Run]:
        """The last runs of a job, the newest first."""

    def prune(self, before: datetime) -> int:
        """Forget runs that ended before a moment; how many."""
