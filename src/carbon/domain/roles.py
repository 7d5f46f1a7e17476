"""Who may do what through the service: roles, permissions, and how far each reaches (TRUST S2).

A permission opens a door; what happens behind it still asks for its own proofs, such as the
signatures of a decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from carbon.domain.errors import CarbonError


class Role(StrEnum):
    """Whose account it is (DESIGN section 2)."""

    RESIDENT = "resident"
    STATION = "station"
    ENTERPRISE = "enterprise"
    MERCHANT = "merchant"
    VERIFIER = "verifier"
    ISSUER = "issuer"
    COMMERCE = "commerce"
    OPERATOR = "operator"


class Reach(StrEnum):
    """Whose objects a permission covers: those of the actor's organisation or person, or all."""

    OWN = "own"
    ALL = "all"


def _granted(own: str = "", all_: str = "") -> Mapping[Role, Reach]:
    return {
        **{Role(name): Reach.OWN for name in own.split()},
        **{Role(name): Reach.ALL for name in all_.split()},
    }


#: What an operation asks for that needs no account.
PUBLIC: Final = "public"
#: Who has which permission, and how far it reaches.
PERMISSIONS: Final[Mapping[str, Mapping[Role, Reach]]] = {
    "account.self": _granted(" ".join(Role)),
    "data.own": _granted("resident"),
    "records.write": _granted("station enterprise"),
    "records.read": _granted("resident station enterprise"),
    "uploads": _granted("enterprise"),
    "decisions.sign": _granted("enterprise verifier", "issuer"),
    "decisions.read": _granted("enterprise", "verifier issuer"),
    "verification.work": _granted("", "verifier issuer"),
    "holdings.read": _granted("enterprise", "issuer"),
    "impact.read": _granted("", "issuer operator"),
    "ledger.read": _granted("", "issuer operator"),
    "accounts.manage": _granted("", "operator"),
    "security.read": _granted("", "operator"),
    "jobs": _granted("", "operator"),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: an account that proved itself.

    ``organisation``: whose records, projects and holdings are its own, empty for residents;
    ``person``: pseudonym of the natural person, empty for systems; ``stepped_up``: proved itself
    once more within the last minutes (TRUST S3).
    """

    id: str
    role: Role
    organisation: str = ""
    person: str = ""
    stepped_up: bool = False


def reach(actor: Actor | None, permission: str) -> Reach:
    """How far an actor's permission reaches.

    Raises ``access.anonymous`` without an actor, ``access.denied`` without the permission.
    """
    if permission == PUBLIC:
        return Reach.ALL
    if actor is None:
        raise CarbonError("access.anonymous")
    found = PERMISSIONS[permission].get(actor.role)
    if found is None:
        raise CarbonError("access.denied", permission=permission, role=actor.role)
    return found


def check_own(actor: Actor, permission: str, owner: str) -> None:
    """Raise ``access.denied`` where an object is another one's and the permission covers own ones.

    ``owner``: the organisation, or the person of a resident, whose object it is.
    """
    if reach(actor, permission) is Reach.ALL:
        return
    if not owner or owner != (actor.organisation or actor.person):
        raise CarbonError("access.denied", permission=permission, role=actor.role)


def check_step_up(actor: Actor) -> None:
    """Raise ``access.step_up`` unless the actor proved itself again a moment ago (TRUST S3)."""
    if not actor.stepped_up:
        raise CarbonError("access.step_up")
