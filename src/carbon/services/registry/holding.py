"""Holding, transfer, retirement and cancellation of issued credits.

A movement is held on the ledger and its serials are reserved while its submitter may take it back;
then both move, in the transaction that makes the fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.issuance import Block
from carbon.domain.credit.moving import (
    CANCELLED,
    CHECKS,
    RETIRED,
    check_movement,
    check_transfer,
    giver,
    holder,
    target,
    wanted,
)
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.ports.registry import Waiting
from carbon.services.registry.decide import Context, Rule, Rules, rules_of

#: A hold outlives the time to take it back, so that a late settlement still finds it.
_HOLD_DAYS = 3_650
PILOT = "pilot"


def policy_number(catalogue: Catalogue, key: str, day: date) -> int:
    """A whole policy value of a day. Raises ``report.policy``."""
    row = catalogue.find("policy", key, day).row
    if row is None or row.value is None:
        raise CarbonError("report.policy", key=key, day=day)
    return int(row.value)


# --- moving ---------------------------------------------------------------------------------------


def _name(moved: Draft | Waiting) -> str:
    """The hold's key; another one for a decision that was taken back and made again."""
    return f"{moved.kind}/{moved.id}/{moved.made_at.timestamp():.6f}"


def _reserve(context: Context, draft: Draft, due: datetime) -> None:
    asset, own = draft.content["asset"], holder(giver(draft.kind, draft.content))
    to = target(draft.kind, draft.content)
    context.unit.open(asset, own, "holder")
    context.unit.open(asset, to, "sink" if to in (RETIRED, CANCELLED) else "holder")
    movement = (asset, own, to, int(draft.content["credits"]))
    context.unit.hold(_name(draft), movement, due + timedelta(days=_HOLD_DAYS))
    context.unit.reserve(_name(draft), asset, own, wanted(draft.content))


def release(context: Context, moved: Draft | Waiting) -> None:
    """Give back what was held and reserved for a movement that is not made."""
    context.unit.void_hold(_name(moved))
    context.unit.release(_name(moved))


def _move(context: Context, draft: Draft) -> dict[str, Any]:
    context.unit.post_hold(_name(draft))
    blocks = context.unit.move(_name(draft), target(draft.kind, draft.content))
    if draft.private is not None:
        context.unit.certify(draft.id, draft.private)
    return {"serials": serials_told(blocks)}


def beneficiary_digest(beneficiary: str, salt: str) -> str:
    """What the log tells of a beneficiary; ``salt`` in hexadecimal."""
    return sha256(bytes.fromhex(salt) + beneficiary.encode()).hexdigest()


def serials_told(blocks: list[Block]) -> list[dict[str, str]]:
    """Serial blocks as a leaf tells them."""
    return [{"first": str(block.first), "last": str(block.last)} for block in blocks]


def _refuse_pilot(context: Context, draft: Draft) -> None:
    """A pilot unit backs no claim: outside a demonstration it can only be cancelled."""
    if draft.content["asset"].endswith(PILOT) and not context.demonstration:
        raise CarbonError("holding.pilot", asset=draft.content["asset"])


def _check_retirement(context: Context, draft: Draft) -> None:
    """Whom a certificate will name is whom the published digest is of."""
    check_movement(context.unit, draft, context.today)
    _refuse_pilot(context, draft)
    if draft.private is not None:
        named = beneficiary_digest(draft.private["beneficiary"], draft.private["salt"])
        if named != draft.content["beneficiary_sha256"]:
            raise CarbonError("decision.form", kind=draft.kind, member="beneficiary_sha256")


def _check_transfer(context: Context, draft: Draft) -> None:
    check_transfer(context.unit, draft, context.today, context.calendar.add_working_days)
    _refuse_pilot(context, draft)
    _check_limits(context, draft)


def _check_limits(context: Context, draft: Draft) -> None:
    """Per transfer and per day, bureau's and holder's own: the lowest level wins (S5)."""
    own, credits_ = draft.content["from"], int(draft.content["credits"])
    levels: list[Mapping[str, Any]] = [
        {
            name: policy_number(context.catalogue, f"transfer_limit/{name}", context.today)
            for name in ("transfer", "day")
        }
    ]
    limits = context.unit.every("limit", f"{own}/")
    levels += [limits[-1].decision.content] if limits else []
    single, daily = (min(int(level[name]) for level in levels) for name in ("transfer", "day"))
    if credits_ > single:
        raise CarbonError("holding.limit", credits=credits_, limit=single)
    if credits_ + _moved_today(context, draft) > daily:
        raise CarbonError("holding.day_limit", credits=credits_, limit=daily)


def _moved_today(context: Context, draft: Draft) -> int:
    """Credits given by the same holder today in other transfers, done or waiting."""
    midnight = context.now.replace(hour=0, minute=0, second=0, microsecond=0)
    done = [d.decision for d in context.unit.every("transfer", since=midnight)]
    waiting = [w for w in context.unit.waiting() if w.kind == "transfer" and w.due_at is not None]
    others = [*((d.id, d.content) for d in done), *((w.id, w.content) for w in waiting)]
    return sum(
        int(content["credits"])
        for id_, content in others
        if content["from"] == draft.content["from"] and id_ != draft.id
    )


def _movement(check: Callable[[Context, Draft], None]) -> Rule:
    return Rule(check, _move, _reserve, release)


_RULES = rules_of(CHECKS)
RULES: Rules = {
    **_RULES,
    "transfer": _movement(_check_transfer),
    "retirement": _movement(_check_retirement),
    "cancellation": _movement(_RULES["cancellation"].check),
}
