"""The draw of a report's sample: its plan, the sample as a decision tells it, inspected items."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import History
from carbon.domain.credit.verification import (
    BUREAU_SIDE,
    SIDES,
    VERIFIER_SIDE,
    assignment_of,
    check_verifier,
    nonces,
)
from carbon.domain.errors import CarbonError
from carbon.domain.mrv.evaluation import Audited
from carbon.domain.mrv.monitored import LOWEST_RUNG
from carbon.domain.mrv.risk import BASIS, Risk
from carbon.domain.mrv.sampling import Frame, Item, Plan, Sample, draw, seed


def plan_of(history: History, id_: str, document: Mapping[str, Any]) -> Plan:
    """Confidence by the assigned risk and by what is known of the project."""
    assigned = assignment_of(history, id_)
    project = assigned["project"]
    verdicts = [
        found.decision.effect["opinion"] for found in history.every("statement", f"{project}/")
    ]
    restated = [
        told
        for found in history.every("restatement")
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


def is_drawn(history: History, draft: Draft) -> bool:
    """Whether a reveal is the second one, with which the sample is drawn."""
    return len(nonces(history, draft)) == len(SIDES)


def drawn(
    history: History, draft: Draft, note: bytes, frame: Frame, document: Mapping[str, Any]
) -> dict[str, Any]:
    """The draw that follows from the second reveal, as its leaf tells it.

    ``note``: the first checkpoint that includes the report, signed by the log alone.
    """
    known = nonces(history, draft)
    seed_ = seed(note, known[VERIFIER_SIDE], known[BUREAU_SIDE])
    plan = plan_of(history, draft.content["report"], document)
    return {"seed": seed_.hex(), **sample_told(draw(frame, seed_, plan))}


def sample_told(sample: Sample) -> dict[str, Any]:
    """A sample as a leaf tells it: everything its evaluation needs."""
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


def draw_of(history: History, id_: str) -> Mapping[str, Any]:
    """The draw of a report as its leaf tells it. Raises ``verification.undrawn``."""
    for side in SIDES:
        found = history.find("reveal", f"{id_}/{side}")
        if found is not None and found.decision.effect:
            return found.decision.effect
    raise CarbonError("verification.undrawn", report=id_)


def sample_of(history: History, id_: str) -> Sample:
    """The drawn sample of a report. Raises ``verification.undrawn``."""
    told = draw_of(history, id_)
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


# --- inspections ----------------------------------------------------------------------------------


def item_of(draft: Draft) -> tuple[int, int]:
    """Leaf and row an inspection is about."""
    return draft.content["leaf"], int(draft.content["row"])


def check_inspection(history: History, draft: Draft, _: date) -> None:
    """An item of the sample, by the assigned verifier.

    Raises ``verification.*``, ``decision.id``, ``evaluation.foreign``.
    """
    report, key = draft.content["report"], item_of(draft)
    check_verifier(history, draft, report)
    draft.check_id(f"{report}/{key[0]}/{key[1]}")
    if list(key) not in [[leaf, int(row)] for leaf, row, *_ in draw_of(history, report)["items"]]:
        raise CarbonError("evaluation.foreign", count=1, leaf=key[0], row=key[1])


def audited(history: History, id_: str) -> dict[tuple[int, int], Audited]:
    """What was found for each item opened, by leaf and row."""
    return {
        (content["leaf"], int(content["row"])): Audited(int(content["er_g"]), content["intent"])
        for found in history.every("inspection", f"{id_}/")
        for content in (found.decision.content,)
    }
