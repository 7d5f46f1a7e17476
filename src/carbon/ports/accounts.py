"""What accounts need of the world: rows in one unit of work, secrets, proofs, a sender of codes."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carbon.domain.access import Event, Status
from carbon.domain.roles import Role

#: Digits of a digest by which its owner and the operator name a session.
_SESSION_ID = 16


@dataclass(frozen=True, slots=True)
class Account:
    """Who may act. ``person``: keyed hash of who it is, empty for systems.

    ``nonce``: makes the account's own key, for its seals; ``freezes``: how often it was frozen;
    ``asked``: the person who gave the first of two approvals; ``request``: keyed hash of the
    request that made it.
    """

    id: str
    role: Role
    organisation: str
    person: str
    status: Status
    nonce: bytes
    request: str
    created_at: datetime
    freezes: int = 0
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """The two people who let an account act; ``number``: after how many freezes."""

    account: Account
    number: int
    first: str
    second: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in session. ``digest``: of its token; ``origin``: keyed hash of its network."""

    digest: str
    account: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    origin: str
    stepped_up_at: datetime | None = None

    @property
    def id(self) -> str:
        """What names it to its owner, and opens nothing."""
        return self.digest[:_SESSION_ID]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that signs requests. ``ends_at``: from when on it does not."""

    id: str
    account: str
    sealed: bytes
    created_at: datetime
    replaces: str | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """A code on its way. ``lookup``: of the number; ``digest``: of the code, keyed."""

    id: str
    lookup: str
    origin: str
    digest: str
    sent_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ExternalSignIn:
    """A sign-in under way elsewhere: what comes back must fit."""

    state: str
    verifier: str
    nonce: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """What happened to an account, by whom."""

    seq: int
    at: datetime
    account: str
    event: str
    outcome: str
    actor: str


class AccountRows(Protocol):
    """Accounts and the permits they act with."""

    def find(self, id_: str, *, lock: bool = False) -> Account | None:
        """An account; ``lock``: nobody else changes it until the unit ends."""

    def of_phone(self, lookup: str) -> Account | None:
        """Whose number it is."""

    def of_subject(self, subject: str) -> Account | None:
        """Who is linked with a name at another identity provider."""

    def residents_of(self, person: str) -> Sequence[Account]:
        """Residents' accounts of a person."""

    def page(self, after: str, limit: int) -> Sequence[Account]:
        """Some by id; those after one."""

    def active_operators(self) -> int:
        """How many operators can act."""

    def add(self, account: Account) -> None:
        """Add one."""

    def put(self, account: Account) -> None:
        """Change status, freezes and the first approval of one that may not act."""

    def admit(self, permit: Permit) -> None:
        """Keep the permit and let its account act."""

    def permit(self, id_: str, number: int) -> Permit | None:
        """The permit after a number of freezes."""

    def remove(self, id_: str) -> None:
        """Remove one with everything that is its own."""


class ProofRows(Protocol):
    """What accounts prove themselves with."""

    def password(self, id_: str) -> str | None:
        """The hash."""

    def set_password(self, id_: str, hash_: str, at: datetime) -> None:
        """Set or replace it."""

    def totp(self, id_: str) -> bytes | None:
        """The sealed secret."""

    def set_totp(self, id_: str, sealed: bytes) -> None:
        """Set or replace it; no step is used yet."""

    def use_step(self, id_: str, step: int) -> bool:
        """Use a step and all before it up; ``False`` where it was used."""

    def forget(self, id_: str) -> None:
        """Remove password and one-time passwords."""

    def enrolment(self, id_: str, now: datetime) -> str | None:
        """Digest of what enrols the account, while it does."""

    def set_enrolment(self, id_: str, digest: str, expires_at: datetime) -> None:
        """Set or replace it."""

    def end_enrolment(self, id_: str) -> None:
        """It was used."""

    def phone(self, id_: str) -> str | None:
        """Keyed hash of the account's number."""

    def add_phone(self, id_: str, lookup: str, sealed: bytes) -> None:
        """The account's number."""

    def key(self, id_: str) -> ApiKey | None:
        """A key."""

    def keys(self, account: str) -> Sequence[ApiKey]:
        """An account's keys, the oldest first."""

    def add_key(self, key: ApiKey) -> None:
        """Add one."""

    def end_key(self, id_: str, at: datetime) -> None:
        """It ends then, unless it ends before."""

    def link(self, subject: str, id_: str, at: datetime) -> bool:
        """Link a name at another identity provider; ``False`` where another account has it."""


class SessionRows(Protocol):
    """Sessions."""

    def find(self, digest: str) -> Session | None:
        """One by the digest of its token."""

    def of(self, account: str) -> Sequence[Session]:
        """An account's, the oldest first."""

    def add(self, session: Session) -> None:
        """Add one."""

    def note_seen(self, digest: str, at: datetime) -> None:
        """It is in use."""

    def step_up(self, digest: str, at: datetime) -> None:
        """Its holder proved themselves again."""

    def end(self, digest: str) -> None:
        """Remove one."""

    def end_all(self, account: str, keep: str = "") -> None:
        """Remove all of an account but one."""


class TryRows(Protocol):
    """Tries, codes and nonces: what may happen only so often."""

    def take(self, subject: str, now: datetime) -> int:
        """Count a try as failed before it is looked at; which one it is, 0 where it is locked."""

    def forgive(self, subject: str) -> None:
        """It was right after all."""

    def alone(self, *subjects: str) -> None:
        """Nobody else counts these until the unit ends."""

    def code(self, id_: str) -> Code | None:
        """A code by its id."""

    def sent(self, lookup: str, origin: str, since: datetime) -> int:
        """Codes sent since then, to the number or for the network: the larger count."""

    def add_code(self, code: Code) -> None:
        """Add one."""

    def drop_code(self, id_: str) -> None:
        """It was not sent."""

    def try_code(self, lookup: str, now: datetime) -> Code | None:
        """The number's latest code, with a try taken from it, while it has any and lives."""

    def spend_code(self, id_: str) -> None:
        """It has no tries left."""

    def admit(self, seen: Sequence[tuple[str, str]], expires_at: datetime) -> set[tuple[str, str]]:
        """Those keys' nonces that were not seen before, noted now."""

    def add_sign_in(self, waiting: ExternalSignIn) -> None:
        """Keep a sign-in under way."""

    def take_sign_in(self, state: str) -> ExternalSignIn | None:
        """Find and remove it."""

    def expire(self, now: datetime) -> dict[str, int]:
        """Remove what has ended; how many rows by table."""


class EventRows(Protocol):
    """The security log."""

    def note(
        self, at: datetime, event: Event, account: str, actor: str, *, done: bool = True
    ) -> None:
        """Append one."""

    def page(self, account: str, before: int | None, limit: int) -> Sequence[SecurityEvent]:
        """Some, the newest first; of an account, before a place."""

    def prune(self, before: datetime) -> int:
        """Remove those from before; how many."""


class Unit(Protocol):
    """One transaction: everything in it happens, or nothing does."""

    @property
    def accounts(self) -> AccountRows:
        """Accounts."""

    @property
    def proofs(self) -> ProofRows:
        """What they prove themselves with."""

    @property
    def sessions(self) -> SessionRows:
        """Sessions."""

    @property
    def tries(self) -> TryRows:
        """What may happen only so often."""

    @property
    def events(self) -> EventRows:
        """The security log."""


Begin = Callable[[], AbstractContextManager[Unit]]


class Secrets(Protocol):
    """Keyed hashes and seals."""

    def lookup(self, purpose: str, text: str) -> str:
        """A keyed hash for one purpose, 32 hexadecimal digits."""

    def person(self, identity: str) -> str:
        """Keyed hash of a person, however the identity is written."""

    def seal(self, account: Account, what: str, value: bytes) -> bytes:
        """A value only the account's own key opens."""

    def unseal(self, account: Account, what: str, sealed: bytes) -> bytes:
        """What was sealed. Raises ``key.wrong``."""


class Proofs(Protocol):
    """Passwords and one-time passwords."""

    @property
    def common(self) -> Container[str]:
        """Passwords everybody tries first, in lower case."""

    def hash(self, password: str) -> str:
        """A slow hash with its salt and parameters. Raises ``access.busy``."""

    def verify(self, hash_: str | None, password: str) -> bool:
        """Whether a password fits; takes as long where there is no hash. Raises ``access.busy``."""

    def new_secret(self) -> bytes:
        """A secret of one-time passwords."""

    def step(self, secret: bytes, code: str, now: datetime) -> int | None:
        """The step of time a one-time password belongs to, if it is about now."""

    def text(self, secret: bytes) -> str:
        """The secret as a person types it."""

    def uri(self, secret: bytes, account: str) -> str:
        """The secret as an authenticator reads it."""


class Sender(Protocol):
    """Sends a code to a phone."""

    def send(self, phone: str, code: str) -> None:
        """Send it. Raises ``code.sender``."""


class Provider(Protocol):
    """Another party that says who somebody is, by OpenID Connect."""

    @property
    def issuer(self) -> str:
        """Its name: a subject is one among its own."""

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in there. Raises ``oidc.refused``."""

    def subject(self, code: str, nonce: str, verifier: str) -> str:
        """Who came back with a code. Raises ``oidc.refused``."""
