"""Verify: from an assignment over a drawn sample and its findings to a signed statement.

Nobody steers the sample: verifier and bureau each commit to a nonce before the report exists, and
the seed joins both with the first checkpoint that includes the report (TRUST V3). Once both are
revealed, the draw is part of the second reveal, where anyone can repeat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from carbon.domain.credit import verification
from carbon.domain.credit.decision import Draft
from carbon.domain.credit.drawn import check_inspection, drawn, is_drawn, item_of
from carbon.domain.credit.stated import check_stated, stated
from carbon.domain.credit.verification import assignment_of
from carbon.domain.errors import CarbonError
from carbon.services.registry.decide import Context, Rule, Rules, rules_of

#: Under these names the context has what a draw needs.
NOTE, FRAME = "note", "frame"

_RULES = rules_of(verification.CHECKS)


def _reveal(context: Context, draft: Draft) -> dict[str, Any]:
    """The draw, once both nonces are known."""
    if not is_drawn(context.unit, draft):
        return {}
    note, frame = context.prepared[NOTE], context.prepared[FRAME]
    return drawn(context.unit, draft, note, frame, context.prepared[draft.content["report"]])


def _check_inspection(context: Context, draft: Draft) -> None:
    check_inspection(context.unit, draft, context.today)
    _seconds(context, draft)


def _seconds(context: Context, draft: Draft) -> int:
    """How long the item was open, by the registry's clock."""
    report, key = draft.content["report"], item_of(draft)
    opened = context.unit.opened_at(report, key, draft.signers[0].person)
    if opened is None:
        raise CarbonError("verification.unopened", leaf=key[0], row=key[1])
    return max(0, int((context.now - opened).total_seconds()))


def open_items(
    context: Context, report: str, items: Sequence[tuple[int, int]], person: str
) -> None:
    """Note that the assigned verifier opens items of a sample."""
    if assignment_of(context.unit, report)["verifier"] != person:
        raise CarbonError("verification.person", report=report)
    context.unit.note_opened(report, items, person)


def _check_statement(context: Context, draft: Draft) -> None:
    document = context.prepared[draft.content["report"]]
    check_stated(context.unit, draft, context.today, document)


RULES: Rules = {
    **_RULES,
    "reveal": Rule(_RULES["reveal"].check, _reveal),
    "inspection": Rule(_check_inspection, lambda c, d: {"seconds": _seconds(c, d)}),
    "statement": Rule(_check_statement, lambda _, draft: stated(draft)),
}
