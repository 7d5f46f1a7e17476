"""Verify: from an assignment over a drawn sample and its findings to a signed statement.

Nobody steers the sample: verifier and bureau each commit to a nonce before the report exists, and
the seed joins both with the first checkpoint that includes the report (TRUST V3). Once both are
revealed, the draw is part of the second reveal, where anyone can repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from carbon.domain.credit.decision import ISSUER, REVIEWER, VERIFIER, Decision
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.evaluation import (
    MATERIALITY_BP,
    Audited,
    Claim,
    Evaluation,
    evaluate,
)
from carbon.domain.mrv.findings import Answered, Closed, Event, Finding, Raised, blocking, fold
from carbon.domain.mrv.independence import Assignee, check_assignment
from carbon.domain.mrv.monitored import LOWEST_RUNG
from carbon.domain.mrv.report import report_id
from carbon.domain.mrv.risk import BASIS, CONFIDENCES, Risk, sample_size
from carbon.domain.mrv.sampling import Item, Plan, Sample, check_reveal, draw, seed
from carbon.domain.mrv.statement import check_statement
from carbon.domain.period import Period
from carbon.ports.registry import Decisions
from carbon.services.registry.decide import Context, Draft, Rule, Rules
from carbon.services.registry.projects import check_organisation, project_named
from carbon.services.registry.reporting import BUREAU_SIDE, SIDES, VERIFIER_SIDE
from carbon.services.registry.standing import position

#: Under these names the context has what a draw needs.
NOTE, FRAME = "note", "frame"


def report_of(decisions: Decisions, id_: str) -> Decision:
    """A report's decision. Raises ``verification.report``."""
    found = decisions.find("report", id_)
    if found is None:
        raise CarbonError("verification.report", report=id_)
    return found.decision


def assignment_of(decisions: Decisions, id_: str) -> Mapping[str, Any]:
    """Who verifies and reviews a report. Raises ``verification.unassigned``."""
    found = decisions.find("assignment", id_)
    if found is None:
        raise CarbonError("verification.unassigned", report=id_)
    return found.decision.content


# --- assignment -----------------------------------------------------------------------------------


def _check_conflict(context: Context, draft: Draft) -> None:
    """Entries of a project's conflict register are numbered."""
    project = project_named(context.unit, draft.content["project"]).id
    wanted = f"{project}/{len(context.unit.every('conflict', f'{project}/')) + 1}"
    if draft.id != wanted:
        raise CarbonError("decision.id", kind=draft.kind, needed=wanted)
    if not {"person", "organisation"} & draft.content.keys():
        raise CarbonError("decision.form", kind=draft.kind, member="person")


def _check_assignment(context: Context, draft: Draft) -> None:
    content = draft.content
    project = project_named(context.unit, content["project"])
    part = position(context.unit, project.id, content["month"]).part
    wanted = report_id(project.id, content["month"], part)
    if draft.id != wanted or content["part"] != part:
        raise CarbonError("decision.id", kind=draft.kind, needed=wanted)
    _check_roles(context, content)
    _check_independence(context, content, project.content["owner"])
    # Told now: a sample that cannot be drawn would keep the month from ever being verified.
    sample_size(CONFIDENCES[-1], content["expected_bp"])


def _check_roles(context: Context, content: Mapping[str, Any]) -> None:
    """Both persons have the role they are assigned."""
    for name, role in (("verifier", VERIFIER), ("reviewer", REVIEWER)):
        members = context.unit.members().values()
        if not any(m.person == content[name] and role in m.roles for m in members):
            raise CarbonError("verification.role", person=content[name][:8], role=role)


def _check_independence(context: Context, content: Mapping[str, Any], owner: str) -> None:
    """Conflict register, rotation, reviewer apart from the team (TRUST V5)."""
    team, reviewers = (_acting_for(context, content[name]) for name in ("verifier", "reviewer"))
    listed = context.unit.every("conflict", f"{content['project']}/")
    told = [found.decision.content for found in listed]
    conflicts = {one[name] for one in told for name in ("person", "organisation") if name in one}
    past = [
        (Period.parse(before["month"]).month, before["verifier"])
        for found in context.unit.every("assignment", f"{content['project']}/")
        for before in (found.decision.content,)
    ]
    month = Period.parse(content["month"]).month
    for reviewer in reviewers:
        check_assignment(team, reviewer, {owner, *conflicts}, month, past)


def _acting_for(context: Context, person: str) -> list[Assignee]:
    """A person with each organisation they ever acted for: no key hides another one."""
    known = context.unit.registered().values()
    return [Assignee(m.person, m.organisation) for m in known if m.person == person]


def _check_commitment(context: Context, draft: Draft) -> None:
    """Before the report, each side once; the verifier's side by the one assigned."""
    content = draft.content
    report = report_id(content["project"], content["month"], content["part"])
    side = _side(context, draft, report)
    if draft.id != f"{report}/{side}":
        raise CarbonError("decision.id", kind=draft.kind, needed=f"{report}/{side}")
    if context.unit.find("report", report) is not None:
        raise CarbonError("verification.late", report=report)


def _side(context: Context, draft: Draft, report: str) -> str:
    """Whose side the signer is on. Raises ``verification.person``."""
    signer = draft.signers[0]
    if signer.person == assignment_of(context.unit, report)["verifier"]:
        return VERIFIER_SIDE
    if ISSUER in signer.roles:
        return BUREAU_SIDE
    raise CarbonError("verification.person", report=report)


# --- draw -----------------------------------------------------------------------------------------


def _check_reveal(context: Context, draft: Draft) -> None:
    report = draft.content["report"]
    side = _side(context, draft, report)
    if draft.id != f"{report}/{side}":
        raise CarbonError("decision.id", kind=draft.kind, needed=f"{report}/{side}")
    committed = context.unit.find("commitment", draft.id)
    if committed is None:
        raise CarbonError("report.commitment", report=report, side=side)
    hashed = bytes.fromhex(committed.decision.content["commitment"])
    check_reveal(bytes.fromhex(draft.content["nonce"]), hashed)
    published = context.unit.find("report", report)
    if published is None or published.leaf_index is None:
        raise CarbonError("verification.report", report=report)


def _reveal(context: Context, draft: Draft) -> dict[str, Any]:
    """The draw, once both nonces are known."""
    report = draft.content["report"]
    nonces = {draft.id.rpartition("/")[2]: bytes.fromhex(draft.content["nonce"])}
    for side in SIDES:
        found = context.unit.find("reveal", f"{report}/{side}")
        if found is not None:
            nonces[side] = bytes.fromhex(found.decision.content["nonce"])
    if len(nonces) < len(SIDES):
        return {}
    seed_ = seed(context.prepared[NOTE], nonces[VERIFIER_SIDE], nonces[BUREAU_SIDE])
    plan = plan_of(context.unit, report, context.prepared[report])
    return {"seed": seed_.hex(), **sample_told(draw(context.prepared[FRAME], seed_, plan))}


def plan_of(decisions: Decisions, id_: str, document: Mapping[str, Any]) -> Plan:
    """Confidence by the assigned risk and by what is known of the project."""
    assigned = assignment_of(decisions, id_)
    project = assigned["project"]
    verdicts = [
        found.decision.effect["opinion"] for found in decisions.every("statement", f"{project}/")
    ]
    restated = [
        told
        for found in decisions.every("restatement")
        for told in found.decision.content["reports"]
        if told["report"].startswith(f"{project}/")
    ]
    risk = Risk(
        assigned["inherent"],
        assigned["control"],
        new_project=not verdicts,
        misstated_before=bool(restated) or any(v != "positive" for v in verdicts),
        self_reported_bp=_self_reported_bp(document),
    )
    return Plan(risk.confidence, assigned["expected_bp"])


def _self_reported_bp(document: Mapping[str, Any]) -> int:
    """Share of the positive grams on the lowest rung of evidence."""
    cells = document["cells"]
    whole = sum(int(cell["positive_g"]) for cell in cells)
    lowest = sum(int(c["positive_g"]) for c in cells if c["evidence"] == LOWEST_RUNG)
    return lowest * BASIS // whole if whole else 0


def sample_told(sample: Sample) -> dict[str, Any]:
    """A draw as a leaf tells it: everything its evaluation needs."""
    return {
        "method": sample.method,
        "confidence": sample.plan.confidence,
        "expected_bp": sample.plan.expected_bp,
        "interval_g": str(sample.interval_g),
        "frame_g": str(sample.frame_g),
        "units_g": str(sample.units_g),
        "losses": sample.losses,
        "losses_g": str(sample.losses_g),
        "items": [[i.leaf, str(i.row), str(i.er_g), i.stratum, i.hits] for i in sample.items],
    }


def sample_of(decisions: Decisions, id_: str) -> Sample:
    """The drawn sample of a report. Raises ``verification.undrawn``."""
    for side in SIDES:
        found = decisions.find("reveal", f"{id_}/{side}")
        if found is not None and found.decision.effect:
            return _sample(found.decision.effect)
    raise CarbonError("verification.undrawn", report=id_)


def _sample(told: Mapping[str, Any]) -> Sample:
    return Sample(
        plan=Plan(told["confidence"], told["expected_bp"]),
        interval_g=int(told["interval_g"]),
        frame_g=int(told["frame_g"]),
        units_g=int(told["units_g"]),
        losses=told["losses"],
        losses_g=int(told["losses_g"]),
        items=tuple(
            Item(leaf, int(row), int(er_g), stratum, hits)
            for leaf, row, er_g, stratum, hits in told["items"]
        ),
    )


# --- inspections and findings ---------------------------------------------------------------------


def _assigned_verifier(context: Context, draft: Draft, report: str) -> None:
    """Only the assigned verifier works on a report that has no statement yet."""
    if draft.signers[0].person != assignment_of(context.unit, report)["verifier"]:
        raise CarbonError("verification.person", report=report)
    if context.unit.find("statement", report) is not None:
        raise CarbonError("verification.closed", report=report)


def _check_inspection(context: Context, draft: Draft) -> None:
    content = draft.content
    report, key = content["report"], (content["leaf"], int(content["row"]))
    _assigned_verifier(context, draft, report)
    wanted = f"{report}/{key[0]}/{key[1]}"
    if draft.id != wanted:
        raise CarbonError("decision.id", kind=draft.kind, needed=wanted)
    if key not in {item.key for item in sample_of(context.unit, report).items}:
        raise CarbonError("evaluation.foreign", count=1, leaf=key[0], row=key[1])
    if context.unit.opened_at(report, key, draft.signers[0].person) is None:
        raise CarbonError("verification.unopened", leaf=key[0], row=key[1])


def _inspect(context: Context, draft: Draft) -> dict[str, Any]:
    """How long the item was open, by the registry's clock."""
    key = draft.content["leaf"], int(draft.content["row"])
    opened = context.unit.opened_at(draft.content["report"], key, draft.signers[0].person)
    if opened is None:
        raise CarbonError("verification.unopened", leaf=key[0], row=key[1])
    return {"seconds": max(0, int((context.now - opened).total_seconds()))}


def audited(decisions: Decisions, id_: str) -> dict[tuple[int, int], Audited]:
    """What was found for each item opened, by leaf and row."""
    return {
        (content["leaf"], int(content["row"])): Audited(int(content["er_g"]), content["intent"])
        for found in decisions.every("inspection", f"{id_}/")
        for content in (found.decision.content,)
    }


def open_items(
    context: Context, report: str, items: Sequence[tuple[int, int]], person: str
) -> None:
    """Note that the assigned verifier opens items of a sample."""
    if assignment_of(context.unit, report)["verifier"] != person:
        raise CarbonError("verification.person", report=report)
    context.unit.note_opened(report, items, person)


def findings_of(decisions: Decisions, project: str) -> dict[str, Finding]:
    """All findings of a project by id, those of earlier periods too."""
    persons = {key: member.person for key, member in decisions.registered().items()}
    events: list[tuple[str, int, Event]] = []
    for order, kind in enumerate(("finding", "finding_answer", "finding_close")):
        for found in decisions.every(kind, f"{project}/"):
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


def _check_finding(context: Context, draft: Draft) -> None:
    report = draft.content["report"]
    _assigned_verifier(context, draft, report)
    report_of(context.unit, report)
    wanted = f"{report}/{len(context.unit.every('finding', f'{report}/')) + 1}"
    if draft.id != wanted:
        raise CarbonError("decision.id", kind=draft.kind, needed=wanted)


def _raised(context: Context, draft: Draft) -> str:
    """The report of the finding that an answer or a closing is about."""
    found = context.unit.find("finding", draft.content["finding"])
    if found is None:
        raise CarbonError("verification.finding", finding=draft.content["finding"])
    return str(found.decision.content["report"])


def _check_answer(context: Context, draft: Draft) -> None:
    """Answers are numbered: the owner may answer again until the verifier is content."""
    finding = draft.content["finding"]
    project = project_named(context.unit, _raised(context, draft).partition("/")[0])
    check_organisation(draft, project.content["owner"])
    wanted = f"{finding}/{len(context.unit.every('finding_answer', f'{finding}/')) + 1}"
    if draft.id != wanted:
        raise CarbonError("decision.id", kind=draft.kind, needed=wanted)
    known = findings_of(context.unit, project.id)[finding]
    fold([*_before(known), Answered(finding, context.today, draft.signers[0].person)])


def _check_close(context: Context, draft: Draft) -> None:
    finding, report = draft.content["finding"], _raised(context, draft)
    if draft.id != finding:
        raise CarbonError("decision.id", kind=draft.kind, needed=finding)
    if draft.signers[0].person != assignment_of(context.unit, report)["verifier"]:
        raise CarbonError("verification.person", report=report)
    known = findings_of(context.unit, report.partition("/")[0])[finding]
    fold([*_before(known), Closed(finding, context.today, draft.signers[0].person)])


def _before(known: Finding) -> list[Event]:
    """Events that lead to a finding as it is, so that one more can be tried on it."""
    events: list[Event] = [Raised(known.id, known.raised_on, "", known.class_)]
    events += [Answered(known.id, known.last_on, person) for person in known.answered_by]
    if known.closed_on is not None:
        events.append(Closed(known.id, known.closed_on, ""))
    return events


# --- statement ------------------------------------------------------------------------------------

ADVERSE = "adverse"
#: Fields that people write; the others follow from the report, the sample and the findings.
WRITTEN = ("responsible_party", "criteria", "boundary", "objective", "assurance", "independence")


def evaluation(decisions: Decisions, report: str, document: Mapping[str, Any]) -> Evaluation:
    """What the sample says of a report. Raises ``evaluation.unopened``."""
    gained = sum(int(cell["credited_g"]) - int(cell["negative_g"]) for cell in document["cells"])
    claim = Claim(int(document["reported_g"]), gained)
    return evaluate(sample_of(decisions, report), audited(decisions, report), claim)


def statement_fields(
    decisions: Decisions,
    report: str,
    document: Mapping[str, Any],
    written: Mapping[str, str],
    day: date,
) -> dict[str, Any]:
    """All fields of a statement, from what people write and what follows from the rest.

    A verifier may write an adverse ``opinion`` whatever the sample says, for a finding that stays
    open; no other opinion can be chosen.
    """
    sample, found = sample_of(decisions, report), evaluation(decisions, report, document)
    adverse = written.get("opinion") == ADVERSE
    findings = findings_of(decisions, report.partition("/")[0])
    return {
        **{name: written[name] for name in WRITTEN if name in written},
        "period": document["period"],
        "materiality": MATERIALITY_BP,
        "method": sample.method,
        "seed": _seed(decisions, report),
        "sample": sample.keys,
        "findings": [[f.id, f.class_on(day), _state(f)] for f in findings.values()],
        "claimed_g": str(found.reported_g),
        "projected_g": str(found.claimed.projected_g),
        "bound_g": str(found.claimed.bound_g),
        "verified_g": "0" if adverse else str(found.verified_g),
        "opinion": ADVERSE if adverse else found.opinion,
        "team": [assignment_of(decisions, report)["verifier"]],
        "date": day.isoformat(),
        "report": report_of(decisions, report).content["sha256"],
    }


def _seed(decisions: Decisions, report: str) -> str:
    effects = (found.decision.effect for found in decisions.every("reveal", f"{report}/"))
    return next(str(effect["seed"]) for effect in effects if effect)


def _state(finding: Finding) -> str:
    if finding.closed_on is not None:
        return "closed"
    return "answered" if finding.answered_by else "open"


def _check_statement(context: Context, draft: Draft) -> None:
    report, fields = draft.content["report"], draft.content["fields"]
    if draft.id != report:
        raise CarbonError("decision.id", kind=draft.kind, needed=report)
    assigned = assignment_of(context.unit, report)
    for signer, name in zip(draft.signers, ("verifier", "reviewer"), strict=False):
        if signer.person != assigned[name]:
            raise CarbonError("verification.person", report=report)
    # Again, since a conflict may have come up after the assignment.
    owner = project_named(context.unit, assigned["project"]).content["owner"]
    _check_independence(context, assigned, owner)
    check_statement(fields)
    if fields["opinion"] != ADVERSE:
        _refuse_blocked(context, report)
    day = date.fromisoformat(fields["date"])
    wanted = statement_fields(context.unit, report, context.prepared[report], fields, day)
    if day > context.today or wanted != fields:
        differing = [n for n in wanted if fields.get(n) != wanted[n]] or ["date"]
        raise CarbonError("verification.differs", report=report, field=differing[0])


def _refuse_blocked(context: Context, report: str) -> None:
    findings = findings_of(context.unit, report.partition("/")[0])
    blocked = blocking(findings, context.today)
    if blocked:
        raise CarbonError("verification.blocked", report=report, finding=blocked[0].id)


def _state_it(_: Context, draft: Draft) -> dict[str, Any]:
    fields = draft.content["fields"]
    return {name: fields[name] for name in ("verified_g", "projected_g", "bound_g", "opinion")}


RULES: Rules = {
    "conflict": Rule(_check_conflict),
    "assignment": Rule(_check_assignment),
    "commitment": Rule(_check_commitment),
    "reveal": Rule(_check_reveal, _reveal),
    "inspection": Rule(_check_inspection, _inspect),
    "finding": Rule(_check_finding),
    "finding_answer": Rule(_check_answer),
    "finding_close": Rule(_check_close),
    "statement": Rule(_check_statement, _state_it),
}
