"""Verification: who does it, the nonces nobody can steer a sample with, what is found and answered.

The rules here need nothing but what was decided, so that an auditor applies the same ones to a log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from carbon.domain.credit.decision import ISSUER, REVIEWER, VERIFIER, Decision, Draft
from carbon.domain.credit.history import Check, History
from carbon.domain.credit.project import acting_for, project_named
from carbon.domain.credit.standing import position
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.findings import Answered, Closed, Event, Finding, Raised, fold
from carbon.domain.mrv.independence import check_assignment
from carbon.domain.mrv.report import report_id
from carbon.domain.mrv.risk import CONFIDENCES, sample_size
from carbon.domain.mrv.sampling import check_reveal
from carbon.domain.period import Period

#: Who commits to a nonce before a report.
VERIFIER_SIDE, BUREAU_SIDE = "verifier", "bureau"
SIDES: Final = (VERIFIER_SIDE, BUREAU_SIDE)


def report_of(history: History, id_: str) -> Decision:
    """A report's decision. Raises ``verification.report``."""
    found = history.find("report", id_)
    if found is None:
        raise CarbonError("verification.report", report=id_)
    return found.decision


def assignment_of(history: History, id_: str) -> Mapping[str, Any]:
    """Who verifies and reviews a report. Raises ``verification.unassigned``."""
    found = history.find("assignment", id_)
    if found is None:
        raise CarbonError("verification.unassigned", report=id_)
    return found.decision.content


# --- assignment -----------------------------------------------------------------------------------


def _check_conflict(history: History, draft: Draft, _: date) -> None:
    """Entries of a project's conflict register are numbered."""
    project = project_named(history, draft.content["project"]).id
    draft.check_id(f"{project}/{len(history.every('conflict', f'{project}/')) + 1}")
    if not {"person", "organisation"} & draft.content.keys():
        raise CarbonError("decision.form", kind=draft.kind, member="person")


def _check_assignment(history: History, draft: Draft, _: date) -> None:
    content = draft.content
    project = project_named(history, content["project"])
    part = position(history, project.id, content["month"]).part
    draft.check_id(report_id(project.id, content["month"], part))
    if content["part"] != part:
        raise CarbonError("decision.id", kind=draft.kind, needed=draft.id)
    _check_roles(history, content)
    check_independence(history, content)
    # Told now: a sample that cannot be drawn would keep the month from ever being verified.
    sample_size(CONFIDENCES[-1], content["expected_bp"])


def _check_roles(history: History, content: Mapping[str, Any]) -> None:
    """Both persons have the role they are assigned."""
    for name, role in (("verifier", VERIFIER), ("reviewer", REVIEWER)):
        members = history.members().values()
        if not any(m.person == content[name] and role in m.roles for m in members):
            raise CarbonError("verification.role", person=content[name][:8], role=role)


def check_independence(history: History, content: Mapping[str, Any]) -> None:
    """Conflict register, rotation, reviewer apart from the team (TRUST V5).

    ``content``: of an assignment. Raises ``independence.*``.
    """
    owner = project_named(history, content["project"]).content["owner"]
    team, reviewers = (acting_for(history, content[name]) for name in ("verifier", "reviewer"))
    listed = history.every("conflict", f"{content['project']}/")
    told = [found.decision.content for found in listed]
    conflicts = {one[name] for one in told for name in ("person", "organisation") if name in one}
    past = [
        (Period.parse(before["month"]).month, before["verifier"])
        for found in history.every("assignment", f"{content['project']}/")
        for before in (found.decision.content,)
    ]
    month = Period.parse(content["month"]).month
    for reviewer in reviewers:
        check_assignment(team, reviewer, {owner, *conflicts}, month, past)


# --- nonces ---------------------------------------------------------------------------------------


def _check_commitment(history: History, draft: Draft, _: date) -> None:
    """Before the report, each side once; the verifier's side by the one assigned."""
    content = draft.content
    report = report_id(content["project"], content["month"], content["part"])
    draft.check_id(f"{report}/{_side(history, draft, report)}")
    if history.find("report", report) is not None:
        raise CarbonError("verification.late", report=report)


def _side(history: History, draft: Draft, report: str) -> str:
    """Whose side the signer is on. Raises ``verification.person``."""
    signer = draft.signers[0]
    if signer.person == assignment_of(history, report)["verifier"]:
        return VERIFIER_SIDE
    if ISSUER in signer.roles:
        return BUREAU_SIDE
    raise CarbonError("verification.person", report=report)


def check_commitments(history: History, report: str, end: int) -> None:
    """Both sides have committed to a nonce in leaves before ``end`` (TRUST V3).

    Raises ``report.commitment``.
    """
    for side in SIDES:
        found = history.find("commitment", f"{report}/{side}")
        place = None if found is None else found.leaf_index
        if place is None or place >= end:
            raise CarbonError("report.commitment", report=report, side=side)


def _check_reveal(history: History, draft: Draft, _: date) -> None:
    """What was committed to, of a published report."""
    report = draft.content["report"]
    side = _side(history, draft, report)
    draft.check_id(f"{report}/{side}")
    committed = history.find("commitment", draft.id)
    if committed is None:
        raise CarbonError("report.commitment", report=report, side=side)
    hashed = bytes.fromhex(committed.decision.content["commitment"])
    check_reveal(bytes.fromhex(draft.content["nonce"]), hashed)
    published = history.find("report", report)
    if published is None or published.leaf_index is None:
        raise CarbonError("verification.report", report=report)


def nonces(history: History, draft: Draft) -> dict[str, bytes]:
    """All nonces revealed of a report, that of the draft included, by side."""
    report = draft.content["report"]
    found = {draft.id.rpartition("/")[2]: draft.content["nonce"]}
    for revealed in history.every("reveal", f"{report}/"):
        found[revealed.decision.id.rpartition("/")[2]] = revealed.decision.content["nonce"]
    return {side: bytes.fromhex(nonce) for side, nonce in found.items()}


# --- findings -------------------------------------------------------------------------------------


def check_verifier(history: History, draft: Draft, report: str) -> None:
    """Only the assigned verifier works on a report that has no statement yet.

    Raises ``verification.person``, ``verification.closed``.
    """
    if draft.signers[0].person != assignment_of(history, report)["verifier"]:
        raise CarbonError("verification.person", report=report)
    if history.find("statement", report) is not None:
        raise CarbonError("verification.closed", report=report)


def findings_of(history: History, project: str) -> dict[str, Finding]:
    """All findings of a project by id, those of earlier periods too."""
    persons = {key: member.person for key, member in history.registered().items()}
    events: list[tuple[str, int, Event]] = []
    for order, kind in enumerate(("finding", "finding_answer", "finding_close")):
        for found in history.every(kind, f"{project}/"):
            decision = found.decision
            event = _event(decision, persons[decision.signatures[0].key])
            events.append((decision.at, order, event))
    return fold(event for *_, event in sorted(events, key=lambda told: told[:2]))


def _event(decision: Decision, person: str) -> Event:
    on = date.fromisoformat(decision.at[:10])
    match decision.kind:
        case "finding":
            return Raised(decision.id, on, person, decision.content["class"])
        case "finding_answer":
            return Answered(decision.content["finding"], on, person)
        case _:
            return Closed(decision.content["finding"], on, person)


def _check_finding(history: History, draft: Draft, _: date) -> None:
    report = draft.content["report"]
    check_verifier(history, draft, report)
    report_of(history, report)
    draft.check_id(f"{report}/{len(history.every('finding', f'{report}/')) + 1}")


def _raised(history: History, draft: Draft) -> str:
    """The report of the finding that an answer or a closing is about."""
    found = history.find("finding", draft.content["finding"])
    if found is None:
        raise CarbonError("verification.finding", finding=draft.content["finding"])
    return str(found.decision.content["report"])


def _check_answer(history: History, draft: Draft, today: date) -> None:
    """Answers are numbered: the owner may answer again until the verifier is content."""
    finding = draft.content["finding"]
    project = project_named(history, _raised(history, draft).partition("/")[0])
    draft.check_organisation(project.content["owner"])
    draft.check_id(f"{finding}/{len(history.every('finding_answer', f'{finding}/')) + 1}")
    known = findings_of(history, project.id)[finding]
    fold([*_before(known), Answered(finding, today, draft.signers[0].person)])


def _check_close(history: History, draft: Draft, today: date) -> None:
    finding, report = draft.content["finding"], _raised(history, draft)
    draft.check_id(finding)
    if draft.signers[0].person != assignment_of(history, report)["verifier"]:
        raise CarbonError("verification.person", report=report)
    known = findings_of(history, report.partition("/")[0])[finding]
    fold([*_before(known), Closed(finding, today, draft.signers[0].person)])


def _before(known: Finding) -> list[Event]:
    """Events that lead to a finding as it is, so that one more can be tried on it."""
    events: list[Event] = [Raised(known.id, known.raised_on, "", known.class_)]
    events += [Answered(known.id, known.last_on, person) for person in known.answered_by]
    if known.closed_on is not None:
        events.append(Closed(known.id, known.closed_on, ""))
    return events


#: Rules of the kinds between a period and its statement. Raise ``verification.*``,
#: ``independence.*``, ``finding.*``, ``sampling.*``, ``decision.id``.
CHECKS: Final[Mapping[str, Check]] = {
    "conflict": _check_conflict,
    "assignment": _check_assignment,
    "commitment": _check_commitment,
    "reveal": _check_reveal,
    "finding": _check_finding,
    "finding_answer": _check_answer,
    "finding_close": _check_close,
}
