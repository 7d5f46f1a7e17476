"""Holding, transfer, retirement and cancellation of issued credits.

A movement is held on the ledger and its serials are reserved while its submitter may take it back;
then both move, in the transaction that makes the fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

from carbon.domain.credit.issuance import Block
from carbon.domain.errors import CarbonError
from carbon.domain.factors.catalog import Catalogue
from carbon.ports.registry import Decisions, Waiting
from carbon.services.registry.decide import Context, Draft, Rule, Rules
from carbon.services.registry.projects import check_organisation

RETIRED, CANCELLED, BUFFER, ISSUED = "retired", "cancelled", "buffer", "issued"
#: Working days until a new counterparty may be given credits (EU Union Registry; TRUST S5).
COUNTERPARTY_DAYS = 4
#: A hold outlives the time to take it back, so that a late settlement still finds it.
_HOLD_DAYS = 3_650
PILOT = "pilot"


def holder(organisation: str) -> str:
    """The account of an organisation."""
    return f"holder/{organisation}"


def policy_number(catalogue: Catalogue, key: str, day: date) -> int:
    """A whole policy value of a day. Raises ``report.policy``."""
    row = catalogue.find("policy", key, day).row
    if row is None or row.value is None:
        raise CarbonError("report.policy", key=key, day=day)
    return int(row.value)


def is_frozen(decisions: Decisions, organisation: str) -> bool:
    """Whether the last freeze of a holder has not been lifted; ids are ``holder/number``."""
    frozen = decisions.every("freeze", f"{organisation}/")
    lifted = decisions.every("unfreeze", f"{organisation}/")
    return len(frozen) > len(lifted)


def _refuse_frozen(context: Context, organisation: str) -> None:
    if is_frozen(context.unit, organisation):
        raise CarbonError("holding.frozen", holder=organisation)


# --- moving ---------------------------------------------------------------------------------------


def _wanted(content: Mapping[str, Any]) -> int | Block:
    """So many credits, or exactly the serials asked for."""
    credits_ = int(content["credits"])
    if "serials" not in content:
        return credits_
    block = Block(int(content["serials"]["first"]), int(content["serials"]["last"]))
    if len(block) != credits_:
        raise CarbonError("serial.count", serials=block, credits=credits_)
    return block


def _name(moved: Draft | Waiting) -> str:
    """The hold's key; another one for a decision that was taken back and made again."""
    return f"{moved.kind}/{moved.id}/{moved.made_at.timestamp():.6f}"


def _giver(draft: Draft) -> str:
    return str(draft.content["from"] if draft.kind == "transfer" else draft.content["holder"])


def _target(draft: Draft) -> tuple[str, str]:
    """Account that gets, and its policy."""
    if draft.kind == "transfer":
        return holder(draft.content["to"]), "holder"
    return (RETIRED if draft.kind == "retirement" else CANCELLED), "sink"


def _reserve(context: Context, draft: Draft, due: datetime) -> None:
    asset, giver = draft.content["asset"], holder(_giver(draft))
    to, policy = _target(draft)
    context.unit.open(asset, giver, "holder")
    context.unit.open(asset, to, policy)
    movement = (asset, giver, to, int(draft.content["credits"]))
    context.unit.hold(_name(draft), movement, due + timedelta(days=_HOLD_DAYS))
    context.unit.reserve(_name(draft), asset, giver, _wanted(draft.content))


def release(context: Context, moved: Draft | Waiting) -> None:
    """Give back what was held and reserved for a movement that is not made."""
    context.unit.void_hold(_name(moved))
    context.unit.release(_name(moved))


def _move(context: Context, draft: Draft) -> dict[str, Any]:
    context.unit.post_hold(_name(draft))
    blocks = context.unit.move(_name(draft), _target(draft)[0])
    if draft.private is not None:
        context.unit.certify(draft.id, draft.private)
    return {"serials": serials_told(blocks)}


def beneficiary_digest(beneficiary: str, salt: str) -> str:
    """What the log tells of a beneficiary; ``salt`` in hexadecimal."""
    return sha256(bytes.fromhex(salt) + beneficiary.encode()).hexdigest()


def serials_told(blocks: list[Block]) -> list[dict[str, str]]:
    """Serial blocks as a leaf tells them."""
    return [{"first": str(block.first), "last": str(block.last)} for block in blocks]


def _check_movement(context: Context, draft: Draft) -> None:
    """Who gives is who signs, and is not frozen."""
    giver = _giver(draft)
    check_organisation(draft, giver)
    _refuse_frozen(context, giver)
    if int(draft.content["credits"]) == 0:
        raise CarbonError("holding.zero")
    _wanted(draft.content)
    # A pilot unit backs no claim: outside a demonstration it can only be cancelled.
    pilot = draft.content["asset"].endswith(PILOT) and draft.kind != "cancellation"
    if pilot and not context.demonstration:
        raise CarbonError("holding.pilot", asset=draft.content["asset"])


def _check_retirement(context: Context, draft: Draft) -> None:
    """Whom a certificate will name is whom the published digest is of."""
    _check_movement(context, draft)
    if draft.private is not None:
        named = beneficiary_digest(draft.private["beneficiary"], draft.private["salt"])
        if named != draft.content["beneficiary_sha256"]:
            raise CarbonError("decision.form", kind=draft.kind, member="beneficiary_sha256")


def _check_transfer(context: Context, draft: Draft) -> None:
    _check_movement(context, draft)
    content = draft.content
    if content["from"] == content["to"]:
        raise CarbonError("holding.self", holder=content["to"])
    _refuse_frozen(context, content["to"])
    _check_counterparty(context, content["from"], content["to"])
    _check_limits(context, draft)


def _check_counterparty(context: Context, giver: str, other: str) -> None:
    found = context.unit.find("counterparty", f"{giver}/{other}")
    if found is None:
        raise CarbonError("holding.counterparty", holder=giver, other=other)
    named = date.fromisoformat(found.decision.at[:10])
    begins = context.calendar.add_working_days(named, COUNTERPARTY_DAYS)
    if context.today < begins:
        raise CarbonError("holding.waiting", other=other, begins=begins)


def _check_limits(context: Context, draft: Draft) -> None:
    """Per transfer and per day, bureau's and holder's own: the lowest level wins (S5)."""
    giver, credits_ = draft.content["from"], int(draft.content["credits"])
    levels: list[Mapping[str, Any]] = [
        {
            name: policy_number(context.catalogue, f"transfer_limit/{name}", context.today)
            for name in ("transfer", "day")
        }
    ]
    own = context.unit.every("limit", f"{giver}/")
    levels += [own[-1].decision.content] if own else []
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


# --- around it ------------------------------------------------------------------------------------


def _check_counterparty_named(context: Context, draft: Draft) -> None:
    giver, other = draft.content["holder"], draft.content["other"]
    check_organisation(draft, giver)
    if draft.id != f"{giver}/{other}":
        raise CarbonError("decision.id", kind=draft.kind, needed=f"{giver}/{other}")
    if other not in {member.organisation for member in context.unit.members().values()}:
        raise CarbonError("holding.nobody", holder=other)


def _numbered(context: Context, draft: Draft) -> None:
    """Ids of repeated acts on one holder count up: ``holder/1``, then ``holder/2``."""
    organisation = draft.content["holder"]
    number = len(context.unit.every(draft.kind, f"{organisation}/")) + 1
    if draft.id != f"{organisation}/{number}":
        raise CarbonError("decision.id", kind=draft.kind, needed=f"{organisation}/{number}")


def _check_limit(context: Context, draft: Draft) -> None:
    check_organisation(draft, draft.content["holder"])
    _numbered(context, draft)


def _check_unfreeze(context: Context, draft: Draft) -> None:
    _numbered(context, draft)
    if not is_frozen(context.unit, draft.content["holder"]):
        raise CarbonError("holding.not_frozen", holder=draft.content["holder"])


def _check_freeze(context: Context, draft: Draft) -> None:
    _numbered(context, draft)
    _refuse_frozen(context, draft.content["holder"])


RULES: Rules = {
    "counterparty": Rule(_check_counterparty_named),
    "limit": Rule(_check_limit),
    "freeze": Rule(_check_freeze),
    "unfreeze": Rule(_check_unfreeze),
    "transfer": Rule(_check_transfer, _move, _reserve, release),
    "retirement": Rule(_check_retirement, _move, _reserve, release),
    "cancellation": Rule(_check_movement, _move, _reserve, release),
}
