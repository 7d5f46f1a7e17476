"""Signed decisions: what is proposed is computed here, signed with the client's own key, and sent
back. The service never sees a signing key.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from carbon.bootstrap.system import System
from carbon.domain.credit.decision import KINDS, TWO_PEOPLE, Signature
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Reach, check_own, check_step_up, reach
from carbon.ports.registry import Waiting
from carbon.web.api.proposals import Given
from carbon.web.guards import PERMISSION

_SIGN: Final = "decisions.sign"
_Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", examples=["ab" * 32])]
_Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$", examples=["cd" * 64])]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Told = dict[str, Any]


class Proposed(msgspec.Struct, frozen=True):
    """What would be signed. ``digest``: what each signature is over, see docs/registry."""

    kind: str
    id: str
    content: dict[str, Any]
    digest: str
    private: dict[str, str] | None = None


class Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision with one signature; the second signer sends the same with theirs."""

    kind: Annotated[str, msgspec.Meta(max_length=40, examples=["freeze"])]
    id: Annotated[str, msgspec.Meta(max_length=120, examples=["zhuan/1"])]
    content: Annotated[
        dict[str, Any], msgspec.Meta(examples=[{"holder": "zhuan", "reason": "asked by the court"}])
    ]
    key: _Hex32
    signature: _Hex64
    private: dict[str, str] | None = None


class Undone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signature over ``<digest>/undo`` by whoever submitted the decision."""

    key: _Hex32
    signature: _Hex64


def _check_signer(system: System, actor: Actor, key: str) -> None:
    """The account is that of whom the key belongs to: of the person, or of the organisation.

    Raises ``decision.unknown_key``, ``access.denied``.
    """
    member = system.registry.member(key)
    same = member.person == actor.person if actor.person else True
    if not same or member.organisation != actor.organisation:
        raise CarbonError("access.denied", permission=_SIGN, role=actor.role)


def _check_holder(actor: Actor, holder: str | None) -> None:
    if holder is not None:
        check_own(actor, _SIGN, holder)


@post("/proposals", opt={PERMISSION: _SIGN}, status_code=200, sync_to_thread=True)
def propose(
    data: JSONBody[Given], system: NamedDependency[System], actor: NamedDependency[Actor]
) -> Proposed:
    """Compute what a decision would say. Nothing is stored: the same may be asked again."""
    _check_holder(actor, getattr(data, "holder", None))
    kind, given = str(data.__struct_config__.tag), data.told()
    proposal = system.registry.propose(kind, **given)
    private = None if proposal.private is None else dict(proposal.private)
    return Proposed(kind, proposal.id, dict(proposal.content), proposal.digest, private)


@post("/decisions", opt={PERMISSION: _SIGN}, status_code=200, sync_to_thread=True)
def sign(
    data: JSONBody[Signed], system: NamedDependency[System], actor: NamedDependency[Actor]
) -> Told:
    """Add a signature to a decision. It waits, is due at a time, or is done; the same call is told
    the same, another content under its id is 409.
    """
    kind = KINDS.get(data.kind)
    if kind is None:
        raise CarbonError("decision.kind", kind=data.kind)
    if data.kind in TWO_PEOPLE or kind.undone_within_minutes:
        check_step_up(actor)
    _check_signer(system, actor, data.key)
    signature = Signature(data.key, data.signature)
    return system.registry.submit(data.kind, data.id, data.content, signature, data.private)


@get("/decisions/waiting", opt={PERMISSION: "decisions.read"}, sync_to_thread=True)
def waiting(
    system: NamedDependency[System], actor: NamedDependency[Actor]
) -> dict[str, list[Told]]:
    """What waits for signatures or for its time; an enterprise sees what its people began."""
    shown = [_waits(one) for one in system.registry.waiting() if _sees(system, actor, one)]
    return {"items": shown}


def _sees(system: System, actor: Actor, one: Waiting) -> bool:
    if reach(actor, "decisions.read") is Reach.ALL:
        return True
    return system.registry.member(one.signatures[0].key).organisation == actor.organisation


def _waits(one: Waiting) -> Told:
    return {
        "kind": one.kind,
        "id": one.id,
        "digest": one.digest,
        "content": dict(one.content),
        "keys": [given.key for given in one.signatures],
        "needed": len(KINDS[one.kind].signers),
        "made_at": one.made_at.isoformat(timespec="seconds"),
        "due_at": one.due_at and one.due_at.isoformat(timespec="seconds"),
    }


@post("/decisions/{digest:str}/undo", opt={PERMISSION: _SIGN}, status_code=200, sync_to_thread=True)
def undo(
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")],
    data: JSONBody[Undone],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Told:
    """Take back what waits, by who submitted it (TRUST U7)."""
    _check_signer(system, actor, data.key)
    return system.registry.retract(digest, Signature(data.key, data.signature))


decisions = Router("/", route_handlers=[propose, sign, waiting, undo], tags=["decisions"])
