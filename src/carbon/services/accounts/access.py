"""What every service over accounts works with, and what several of them do alike."""

from __future__ import annotations

import hashlib
import secrets as chance
from dataclasses import dataclass
from datetime import datetime, timedelta

from carbon.domain.access import (
    MAX_FAILURES,
    MAX_SESSIONS,
    SESSION_LIFE,
    STEP_UP,
    Event,
    Status,
    idle_of,
)
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports import Clock
from carbon.ports.accounts import Account, Begin, Proofs, Secrets, Sender, Session, Unit

_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Access:
    """The world of accounts."""

    begin: Begin
    clock: Clock
    secrets: Secrets
    proofs: Proofs
    sender: Sender

    def now(self) -> datetime:
        """The moment."""
        return self.clock.now()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session and whose it is; ``token``: what opens it, known when it is made only."""

    account: Account
    session: Session
    token: str = ""

    def ends_at(self) -> datetime:
        """When it ends if it is not used again."""
        return min(self.session.expires_at, self.session.seen_at + idle_of(self.account.role))

    def actor(self, now: datetime) -> Actor:
        """Who acts in it."""
        proved = self.session.stepped_up_at
        fresh = proved is not None and now - proved < STEP_UP
        return actor_of(self.account, stepped_up=fresh)


def actor_of(account: Account, *, stepped_up: bool = False) -> Actor:
    """Who acts as an account."""
    return Actor(account.id, account.role, account.organisation, account.person, stepped_up)


def digest_of(token: str) -> str:
    """What is kept of a token, which is chance enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def found(unit: Unit, id_: str, *, lock: bool = False) -> Account:
    """An account. Raises ``account.unknown``."""
    account = unit.accounts.find(id_, lock=lock)
    if account is None:
        raise CarbonError("account.unknown", id=id_)
    return account


def take_try(unit: Unit, subject: str, account: str, now: datetime) -> bool:
    """Whether one more try may be looked at; it counts as failed until it is forgiven."""
    number = unit.tries.take(subject, now)
    if number == MAX_FAILURES:
        unit.events.note(now, Event.LOCKED, account, account, done=False)
    return number > 0


def start_session(unit: Unit, account: Account, origin: str, now: datetime) -> SignedIn:
    """A new session with a token of its own; the oldest ones end where there are too many.

    A sign-in is no step-up: that is a second proof, after it.
    """
    token = chance.token_urlsafe(_TOKEN_BYTES)
    session = Session(digest_of(token), account.id, now, now, now + SESSION_LIFE, origin)
    for old in unit.sessions.of(account.id)[: -(MAX_SESSIONS - 1)]:
        unit.sessions.end(old.digest)
    unit.sessions.add(session)
    unit.events.note(now, Event.SIGN_IN, account.id, account.id)
    return SignedIn(account, session, token)


def resume(unit: Unit, digest: str, now: datetime) -> SignedIn | None:
    """The session of a token's digest, if it has not ended and its account may act."""
    session = unit.sessions.find(digest)
    account = None if session is None else unit.accounts.find(session.account)
    if session is None or account is None or account.status is not Status.ACTIVE:
        return None
    signed_in = SignedIn(account, session)
    return signed_in if now < signed_in.ends_at() else None


def is_fresh(seen_at: datetime, now: datetime, for_: timedelta) -> bool:
    """Whether something is younger than a time; what lies ahead is not believed."""
    return timedelta(0) <= now - seen_at < for_
