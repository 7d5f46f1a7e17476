"""Persons: their keys are granted and ended; what an ended key signed does not wait for ever."""

from __future__ import annotations

from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.persons import CHECKS
from carbon.services.registry.decide import Context, Rule, Rules, rules_of
from carbon.services.registry.holding import release


def _end(context: Context, draft: Draft) -> dict[str, Any]:
    """What an ended key signed and still waits lapses.

    A stolen key's movements are not made, and a lost one keeps no id from others.
    """
    ended = set(draft.content["keys"])
    lapsed = [w for w in context.unit.waiting() if ended & {s.key for s in w.signatures}]
    for waiting in lapsed:
        if waiting.due_at is not None:
            release(context, waiting)
        context.unit.drop(waiting)
    return {}


_RULES = rules_of(CHECKS)
RULES: Rules = {**_RULES, "member_end": Rule(_RULES["member_end"].check, _end)}
