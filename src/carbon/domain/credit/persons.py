"""Persons and their keys: who may sign what, granted and ended by two issuers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from carbon.domain.credit.decision import ISSUER, Draft, members_of
from carbon.domain.credit.history import Check, History
from carbon.domain.errors import CarbonError

#: Below two issuers nobody could be granted anything any more.
_FEWEST_ISSUERS: Final = 2


def _check_member(history: History, draft: Draft, _: date) -> None:
    """A key stands for one person for ever; the first decision brings the issuers who sign it."""
    new = members_of(draft.content)
    known = history.registered()
    keys = [member.key for member in new]
    again = [key for key in keys if keys.count(key) > 1 or key in known]
    if again:
        raise CarbonError("member.known", key=again[0][:16])
    if not known and len({m.person for m in new if ISSUER in m.roles}) < _FEWEST_ISSUERS:
        raise CarbonError("member.first", needed=_FEWEST_ISSUERS)


def _check_end(history: History, draft: Draft, _: date) -> None:
    """Keys that are known; two persons who can issue stay."""
    members = history.members()
    ended = set(draft.content["keys"])
    unknown = ended - members.keys()
    if unknown:
        raise CarbonError("decision.unknown_key", key=min(unknown)[:16])
    left = {m.person for key, m in members.items() if key not in ended and ISSUER in m.roles}
    if len(left) < _FEWEST_ISSUERS:
        raise CarbonError("member.last", needed=_FEWEST_ISSUERS)


#: Rules of the kinds about persons. Raise ``member.*``, ``decision.unknown_key``.
CHECKS: Final[Mapping[str, Check]] = {"member": _check_member, "member_end": _check_end}
