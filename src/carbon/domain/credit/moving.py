"""Who may move issued credits: holders, counterparties, freezes; which account gets what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from carbon.domain.credit.decision import Draft
from carbon.domain.credit.history import Check, History
from carbon.domain.credit.issuance import Block
from carbon.domain.errors import CarbonError

RETIRED, CANCELLED, BUFFER, ISSUED = "retired", "cancelled", "buffer", "issued"
#: How a leaf names all residents who keep their grams: nobody's name is told.
RESIDENTS: Final = "residents"
#: Working days until a new counterparty may be given credits (EU Union Registry; TRUST S5).
COUNTERPARTY_DAYS: Final = 4
#: Kinds that move credits of one holder.
MOVING: Final = ("transfer", "retirement", "cancellation")


def holder(organisation: str) -> str:
    """The account of an organisation."""
    return f"holder/{organisation}"


def giver(kind: str, content: Mapping[str, Any]) -> str:
    """The organisation that gives."""
    return str(content["from"] if kind == "transfer" else content["holder"])


def target(kind: str, content: Mapping[str, Any]) -> str:
    """The account that gets."""
    if kind == "transfer":
        return holder(content["to"])
    return RETIRED if kind == "retirement" else CANCELLED


def wanted(content: Mapping[str, Any]) -> int | Block:
    """So many credits, or exactly the serials asked for. Raises ``serial.count``."""
    credits_ = int(content["credits"])
    if "serials" not in content:
        return credits_
    block = Block(int(content["serials"]["first"]), int(content["serials"]["last"]))
    if len(block) != credits_:
        raise CarbonError("serial.count", serials=block, credits=credits_)
    return block


def is_frozen(history: History, organisation: str) -> bool:
    """Whether the last freeze of a holder has not been lifted; ids are ``holder/number``."""
    frozen = history.every("freeze", f"{organisation}/")
    lifted = history.every("unfreeze", f"{organisation}/")
    return len(frozen) > len(lifted)


def refuse_frozen(history: History, organisation: str) -> None:
    """Raise ``holding.frozen`` while a holder is."""
    if is_frozen(history, organisation):
        raise CarbonError("holding.frozen", holder=organisation)


def check_movement(history: History, draft: Draft, _: date) -> None:
    """Who gives is who signs, and is not frozen.

    Raises ``holding.*``, ``serial.count``, ``decision.organisation``.
    """
    own = giver(draft.kind, draft.content)
    draft.check_organisation(own)
    refuse_frozen(history, own)
    if int(draft.content["credits"]) == 0:
        raise CarbonError("holding.zero")
    wanted(draft.content)


def check_transfer(
    history: History, draft: Draft, today: date, begins: Callable[[date, int], date]
) -> None:
    """To another one, who is not frozen and has been a counterparty for some days.

    ``begins``: the day so many working days after another one.
    """
    check_movement(history, draft, today)
    own, other = draft.content["from"], draft.content["to"]
    if own == other:
        raise CarbonError("holding.self", holder=other)
    refuse_frozen(history, other)
    found = history.find("counterparty", f"{own}/{other}")
    if found is None:
        raise CarbonError("holding.counterparty", holder=own, other=other)
    first = begins(date.fromisoformat(found.decision.at[:10]), COUNTERPARTY_DAYS)
    if today < first:
        raise CarbonError("holding.waiting", other=other, begins=first)


# --- around it ------------------------------------------------------------------------------------


def _check_counterparty(history: History, draft: Draft, _: date) -> None:
    own, other = draft.content["holder"], draft.content["other"]
    draft.check_organisation(own)
    draft.check_id(f"{own}/{other}")
    if other not in {member.organisation for member in history.members().values()}:
        raise CarbonError("holding.nobody", holder=other)


def _numbered(history: History, draft: Draft) -> None:
    """Ids of repeated acts on one holder count up: ``holder/1``, then ``holder/2``."""
    organisation = draft.content["holder"]
    number = len(history.every(draft.kind, f"{organisation}/")) + 1
    draft.check_id(f"{organisation}/{number}")


def _check_limit(history: History, draft: Draft, _: date) -> None:
    draft.check_organisation(draft.content["holder"])
    _numbered(history, draft)


def _check_unfreeze(history: History, draft: Draft, _: date) -> None:
    _numbered(history, draft)
    if not is_frozen(history, draft.content["holder"]):
        raise CarbonError("holding.not_frozen", holder=draft.content["holder"])


def _check_freeze(history: History, draft: Draft, _: date) -> None:
    _numbered(history, draft)
    refuse_frozen(history, draft.content["holder"])


#: Rules of the kinds that need no calendar. Raise ``holding.*``, ``decision.*``.
CHECKS: Final[Mapping[str, Check]] = {
    "counterparty": _check_counterparty,
    "limit": _check_limit,
    "freeze": _check_freeze,
    "unfreeze": _check_unfreeze,
    "retirement": check_movement,
    "cancellation": check_movement,
}
