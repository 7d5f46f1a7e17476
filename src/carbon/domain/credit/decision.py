"""A decision: an act of named roles, signed, that becomes one fact with its leaf.

What is signed is a kind, an id and a content; anyone can check the signatures with the keys that
earlier ``member`` decisions of the same log registered. Persons are pseudonyms: two keys of one
person are still one person (TRUST S4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from carbon.domain.errors import CarbonError
from carbon.domain.log.leaf import canonical

DECISION: Final = "decision"
_PREFIX: Final = b"carbon-inclusion/decision/1\n"

#: Whether a signature (third) over a message (second) is that of a public key (first).
Verify = Callable[[bytes, bytes, bytes], bool]

ISSUER, VERIFIER, REVIEWER, OWNER = "issuer", "verifier", "reviewer", "owner"
#: 签发人 (the bureau), 核查员, 复核员, 项目业主或持有人.
ROLES: Final = (ISSUER, VERIFIER, REVIEWER, OWNER)


@dataclass(frozen=True, slots=True)
class Member:
    """A person who may sign: pseudonym, public key, roles, and the organisation acted for."""

    person: str
    key: str
    roles: frozenset[str]
    organisation: str


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature: the public key and the signature, both in hexadecimal."""

    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Who signs a kind of decision: one entry per signature, each the roles that may give it.

    Signers are distinct persons. ``undone_within_minutes``: how long the submitter can take a
    complete decision back before it takes effect (TRUST U7).
    """

    signers: tuple[frozenset[str], ...]
    undone_within_minutes: int = 0


def _kind(*signers: str, minutes: int = 0) -> Kind:
    return Kind(tuple(frozenset(roles.split("|")) for roles in signers), minutes)


#: All kinds. Two issuers: what TRUST S4 asks of two people.
KINDS: Final[Mapping[str, Kind]] = {
    # persons
    "member": _kind(ISSUER, ISSUER),
    "member_end": _kind(ISSUER, ISSUER),
    # projects: 项目设计文件 → 审定 → 公示 → 备案
    "project": _kind(OWNER),
    "validation": _kind(VERIFIER),
    "notice": _kind(ISSUER),
    "filing": _kind(ISSUER, ISSUER),
    # from a closed period to a statement
    "conflict": _kind(ISSUER),
    "assignment": _kind(ISSUER),
    "commitment": _kind(f"{ISSUER}|{VERIFIER}"),
    "report": _kind(OWNER),
    "reveal": _kind(f"{ISSUER}|{VERIFIER}"),
    "inspection": _kind(VERIFIER),
    "finding": _kind(VERIFIER),
    "finding_answer": _kind(OWNER),
    "finding_close": _kind(VERIFIER),
    "statement": _kind(VERIFIER, REVIEWER),
    # credits
    "issuance": _kind(ISSUER, ISSUER),
    "counterparty": _kind(OWNER),
    "limit": _kind(OWNER),
    "transfer": _kind(OWNER, minutes=10),
    "retirement": _kind(OWNER, minutes=10),
    "cancellation": _kind(OWNER, minutes=10),
    "freeze": _kind(ISSUER),
    "unfreeze": _kind(ISSUER, ISSUER),
    # corrections
    "restatement": _kind(ISSUER, ISSUER),
}
#: Kinds that need two people, as the database checks them too.
TWO_PEOPLE: Final = tuple(name for name, kind in KINDS.items() if len(kind.signers) > 1)


def digest(kind: str, id_: str, content: Mapping[str, Any]) -> str:
    """SHA-256 of what is decided, in hexadecimal. Raises ``leaf.too_large``."""
    value = {"content": content, "id": id_, "kind": kind, "type": DECISION}
    return hashlib.sha256(canonical(value)).hexdigest()


def message(digest_: str) -> bytes:
    """What each signature is over: a line that tells it from any other use of a key, the digest."""
    return _PREFIX + digest_.encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision under way, with those who have signed it so far, first put at ``made_at``."""

    kind: str
    id: str
    content: Mapping[str, Any]
    signers: tuple[Member, ...]
    made_at: datetime
    private: Mapping[str, str] | None = None

    def check_id(self, wanted: str) -> None:
        """Ids follow from what is decided. Raises ``decision.id``."""
        if self.id != wanted:
            raise CarbonError("decision.id", kind=self.kind, needed=wanted)

    def check_organisation(self, organisation: str) -> None:
        """Whoever signs acts for the organisation concerned. Raises ``decision.organisation``."""
        if any(signer.organisation != organisation for signer in self.signers):
            raise CarbonError("decision.organisation", kind=self.kind, organisation=organisation)


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision that took effect. ``at``: ISO 8601 with zone, to the second.

    ``effect``: what the system did on it, such as the serial numbers it gave.
    """

    kind: str
    id: str
    content: Mapping[str, Any]
    at: str
    signatures: tuple[Signature, ...]
    effect: Mapping[str, Any] = field(default_factory=dict)

    def leaf(self) -> dict[str, Any]:
        """The leaf, as canonical JSON will hold it."""
        return {
            "type": DECISION,
            "kind": self.kind,
            "id": self.id,
            "content": dict(self.content),
            "effect": dict(self.effect),
            "at": self.at,
            "signatures": [{"key": s.key, "signature": s.signature} for s in self.signatures],
        }

    @classmethod
    def of(cls, leaf: Mapping[str, Any]) -> Decision:
        """A decision from its leaf, whose form was checked."""
        signatures = tuple(Signature(s["key"], s["signature"]) for s in leaf["signatures"])
        return cls(
            leaf["kind"], leaf["id"], leaf["content"], leaf["at"], signatures, leaf["effect"]
        )

    @property
    def digest(self) -> str:
        """What was signed."""
        return digest(self.kind, self.id, self.content)


def members_of(content: Mapping[str, Any]) -> list[Member]:
    """The members a decision registers."""
    return [
        Member(m["person"], m["key"], frozenset(m["roles"]), m["organisation"])
        for m in content["members"]
    ]


def check_signatures(
    kind: str, digest_: str, signatures: Sequence[Signature], members: Mapping[str, Member],
    verify: Verify,
) -> list[Member]:  # fmt: skip
    """Signers of a decision so far, in order; fewer than the kind needs is for the caller to see.

    Raises ``decision.unknown_key``, ``decision.signature``, ``decision.same_person``,
    ``decision.role`` where nobody's role is left for a signature.
    """
    signers: list[Member] = []
    for number, given in enumerate(signatures):
        member = members.get(given.key)
        if member is None:
            raise CarbonError("decision.unknown_key", key=given.key[:16])
        if not verify(bytes.fromhex(given.key), message(digest_), bytes.fromhex(given.signature)):
            raise CarbonError("decision.signature", key=given.key[:16])
        if any(member.person == other.person for other in signers):
            raise CarbonError("decision.same_person", kind=kind)
        wanted = KINDS[kind].signers
        if number >= len(wanted) or not wanted[number] & member.roles:
            roles = "/".join(sorted(wanted[min(number, len(wanted) - 1)]))
            raise CarbonError("decision.role", kind=kind, roles=roles)
        signers.append(member)
    return signers
