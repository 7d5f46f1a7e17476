"""Programmes and projects: what is registered, what may be credited, and how far filing has come.

项目设计文件 → 审定 → 公示 → 备案. A unit of a project that is not filed is a pilot unit (试点单位),
transferable in demonstration only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from carbon.domain.credit.contents import DECLARATIONS
from carbon.domain.credit.decision import Decision
from carbon.domain.credit.history import History
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.independence import Assignee

#: Longest crediting period (DB11/T 3043-2024), working days of public notice (Guangdong).
CREDITING_YEARS, NOTICE_DAYS = 3, 7
#: Months a baseline is the mean of (METHODOLOGY section 2, additionality).
BASELINE_MONTHS: Final = range(12, 37)
_BASIS: Final = 10_000

SUBMITTED, VALIDATED, NOTICED, FILED = "submitted", "validated", "noticed", "filed"

#: Working days after a day until another one.
WorkingDays = Callable[[date, date], int]


def check_project(
    id_: str,
    content: Mapping[str, Any],
    methodologies: Collection[str],
    categories: Collection[str],
) -> None:
    """What a project's design must hold. Raises ``project.*``."""
    if content["methodology"] not in methodologies:
        raise CarbonError("project.methodology", project=id_, methodology=content["methodology"])
    if sum(share["bp"] for share in content["shares"]) != _BASIS or _repeats(
        [share["party"] for share in content["shares"]]
    ):
        raise CarbonError("project.shares", project=id_)
    if set(content["declarations"]) != set(DECLARATIONS):
        raise CarbonError("project.declarations", project=id_, needed=", ".join(DECLARATIONS))
    _check_days(id_, content)
    for baseline in content["baselines"]:
        _check_baseline(id_, baseline, categories)
    if _repeats([baseline["category"] for baseline in content["baselines"]]):
        raise CarbonError("project.baseline", project=id_, category="2 ×")


def _repeats(names: Sequence[str]) -> bool:
    return len(set(names)) < len(names)


def _check_days(id_: str, content: Mapping[str, Any]) -> None:
    try:
        start, first, last = (
            date.fromisoformat(text)
            for text in (content["start"], *(content["crediting"][n] for n in ("from", "to")))
        )
        longest = first.replace(year=first.year + CREDITING_YEARS, day=min(first.day, 28))
    except ValueError as error:
        raise CarbonError("project.crediting", project=id_, years=CREDITING_YEARS) from error
    if not start <= first <= last < longest:
        raise CarbonError("project.crediting", project=id_, years=CREDITING_YEARS)


def _check_baseline(id_: str, baseline: Mapping[str, Any], categories: Collection[str]) -> None:
    """A mean of so many months, or a common-practice rate; of a known category."""
    monthly, rate = "monthly" in baseline, "rate_bp" in baseline
    mean = monthly and not rate and baseline.get("months", 0) in BASELINE_MONTHS
    common = rate and not monthly and "months" not in baseline
    if baseline["category"] not in categories or not (mean or common):
        raise CarbonError("project.baseline", project=id_, category=baseline["category"])


@dataclass(frozen=True, slots=True)
class Project:
    """A registered project and the decisions about it, by kind; one of each at most."""

    id: str
    content: Mapping[str, Any]
    decisions: Mapping[str, Decision]

    @property
    def status(self) -> str:
        """How far it has come."""
        for kind, status in (("filing", FILED), ("notice", NOTICED), ("validation", VALIDATED)):
            if kind in self.decisions:
                return status
        return SUBMITTED

    @property
    def unit_status(self) -> str:
        """Status of the units it is issued: ``filed``, or ``pilot`` before that."""
        return "filed" if self.status == FILED else "pilot"

    def check_validation(self) -> None:
        """Validation (审定) comes first. Raises ``project.order``."""
        self._in_order("validation", SUBMITTED)

    def check_notice(self) -> None:
        """Public notice (公示) follows a positive validation. Raises ``project.order``."""
        self._in_order("notice", VALIDATED)
        if self.decisions["validation"].content["opinion"] != "positive":
            raise CarbonError("project.order", project=self.id, kind="notice", status="negative")

    def check_filing(self, today: date, between: WorkingDays) -> None:
        """Filing (备案) needs full public notice. Raises ``project.order``, ``project.notice``."""
        self._in_order("filing", NOTICED)
        began = date.fromisoformat(self.decisions["notice"].at[:10])
        passed = between(began, today)
        if passed < NOTICE_DAYS:
            raise CarbonError("project.notice", project=self.id, passed=passed, needed=NOTICE_DAYS)

    def _in_order(self, kind: str, needed: str) -> None:
        if self.status != needed:
            raise CarbonError("project.order", project=self.id, kind=kind, status=self.status)

    def covers(self, month_first: date, month_last: date) -> bool:
        """Whether a month lies inside the crediting period as a whole."""
        crediting = self.content["crediting"]
        first, last = (date.fromisoformat(crediting[name]) for name in ("from", "to"))
        return first <= month_first and month_last <= last

    def published(self) -> dict[str, Any]:
        """What a report and a certificate tell of it."""
        filing = self.decisions.get("filing")
        return {
            "id": self.id,
            **{name: self.content[name] for name in _TOLD},
            "status": self.unit_status,
            "filing_number": filing.content["number"] if filing else "",
            "filing_status": filing.content["status"] if filing else "",
        }


def acting_for(history: History, person: str) -> list[Assignee]:
    """A person with each organisation they ever acted for: no key hides another one."""
    known = history.registered().values()
    return [Assignee(m.person, m.organisation) for m in known if m.person == person]


_STEPS: Final = ("validation", "notice", "filing")


def project_named(history: History, id_: str) -> Project:
    """A registered project. Raises ``project.unknown``."""
    found = history.find("project", id_)
    if found is None:
        raise CarbonError("project.unknown", project=id_)
    steps: dict[str, Decision] = {}
    for kind in _STEPS:
        step = history.find(kind, id_)
        if step is not None:
            steps[kind] = step.decision
    return Project(id_, found.decision.content, steps)


_TOLD: Final = (
    "title", "kind", "owner", "owner_name", "methodology", "start", "crediting", "shares",
    "baselines", "authority",
)  # fmt: skip
