"""Persons and their keys: who may sign what, granted and ended by two issuers."""

from __future__ import annotations

from typing import Any

from carbon.domain.credit.decision import ISSUER
from carbon.domain.errors import CarbonError
from carbon.services.registry.decide import Context, Draft, Rule, Rules, members_of
from carbon.services.registry.holding import release

#: Below two issuers nobody could be granted anything any more.
_FEWEST_ISSUERS = 2


def _check_member(context: Context, draft: Draft) -> None:
    """A key stands for one person for ever; the first decision brings the issuers who sign it."""
    new = members_of(draft.content)
    known = context.unit.registered()
    keys = [member.key for member in new]
    again = [key for key in keys if keys.count(key) > 1 or key in known]
    if again:
        raise CarbonError("member.known", key=again[0][:16])
    if not known and len({m.person for m in new if ISSUER in m.roles}) < _FEWEST_ISSUERS:
        raise CarbonError("member.first", needed=_FEWEST_ISSUERS)


def _check_end(context: Context, draft: Draft) -> None:
    """Keys that are known; two persons who can issue stay."""
    members = context.unit.members()
    ended = set(draft.content["keys"])
    unknown = ended - members.keys()
    if unknown:
        raise CarbonError("decision.unknown_key", key=min(unknown)[:16])
    left = {m.person for key, m in members.items() if key not in ended and ISSUER in m.roles}
    if len(left) < _FEWEST_ISSUERS:
        raise CarbonError("member.last", needed=_FEWEST_ISSUERS)


def _end(context: Context, draft: Draft) -> dict[str, Any]:
    """What an ended key signed and still waits lapses: it would wait for ever.

    A stolen key's movements are not made, and a lost one keeps no id from others.
    """
    ended = set(draft.content["keys"])
    lapsed = [w for w in context.unit.waiting() if ended & {s.key for s in w.signatures}]
    for waiting in lapsed:
        if waiting.due_at is not None:
            release(context, waiting)
        context.unit.drop(waiting)
    return {}


RULES: Rules = {"member": Rule(_check_member), "member_end": Rule(_check_end, _end)}
