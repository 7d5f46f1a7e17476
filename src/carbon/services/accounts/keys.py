"""API keys of stations and systems, and the requests signed with them."""

from __future__ import annotations

import secrets as chance
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest, digest

from carbon.domain.access import (
    CLOCK_WINDOW,
    KEY_OVERLAP,
    KEY_TOLD,
    KEYED,
    MAX_KEYS,
    Event,
    Status,
    signed_text,
)
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports.accounts import Account, ApiKey, Unit
from carbon.services.accounts.access import Access, actor_of, found, is_fresh

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that works: its secret and who signs with it. ``ends_at``: from when on it does not."""

    id: str
    secret: bytes
    actor: Actor
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a request says of itself. ``timestamp``: seconds since 1970; all in ASCII."""

    key: str
    timestamp: str
    nonce: str
    signature: str
    method: str
    target: str
    digest: str


def sealed_as(id_: str) -> str:
    """What a key's secret is sealed as."""
    return f"key/{id_}"


def make_key(
    access: Access, actor: Actor, account: str, id_: str, replaces: str | None = None
) -> str:
    """Make a key and tell its secret. The same call is told the same for some minutes.

    ``replaces``: a key of the account that ends after a day. Raises ``account.keys``,
    ``account.state``, ``key.unknown``, ``key.told``, ``request.conflict``.
    """
    now, secret = access.now(), chance.token_bytes(SECRET_BYTES)
    with access.begin() as unit:
        unit.tries.alone(access.secrets.lookup("api key", id_))
        owner = found(unit, account, lock=True)
        known = unit.proofs.key(id_)
        if known is not None:
            return _told_again(access, owner, known, replaces)
        _check_room(unit, owner, now)
        if replaces is not None:
            _own_key(unit, account, replaces)
            unit.proofs.end_key(replaces, now + KEY_OVERLAP)
        sealed = access.secrets.seal(owner, sealed_as(id_), secret)
        unit.proofs.add_key(ApiKey(id_, account, sealed, now, replaces))
        unit.events.note(now, Event.KEY_MADE, account, actor.id)
    return secret.hex()


def _told_again(access: Access, owner: Account, known: ApiKey, replaces: str | None) -> str:
    if known.account != owner.id or known.replaces != replaces:
        raise CarbonError("request.conflict", id=known.id)
    if not is_fresh(known.created_at, access.now(), KEY_TOLD):
        raise CarbonError("key.told", id=known.id)
    return access.secrets.unseal(owner, sealed_as(known.id), known.sealed).hex()


def _check_room(unit: Unit, owner: Account, now: datetime) -> None:
    if owner.status is not Status.ACTIVE:
        raise CarbonError("account.state", id=owner.id, status=owner.status)
    working = [k for k in unit.proofs.keys(owner.id) if k.ends_at is None or k.ends_at > now]
    if owner.role not in KEYED or len(working) >= MAX_KEYS:
        raise CarbonError("account.keys", id=owner.id)


def _own_key(unit: Unit, account: str, id_: str) -> ApiKey:
    key = unit.proofs.key(id_)
    if key is None or key.account != account:
        raise CarbonError("key.unknown", id=id_)
    return key


def end_key(access: Access, actor: Actor, account: str, id_: str) -> None:
    """End a key now; the same call is told the same. Raises ``key.unknown``."""
    now = access.now()
    with access.begin() as unit:
        key = _own_key(unit, account, id_)
        if key.ends_at is None or key.ends_at > now:
            unit.proofs.end_key(id_, now)
            unit.events.note(now, Event.KEY_ENDED, account, actor.id)


def signing_key(access: Access, unit: Unit, id_: str) -> SigningKey | None:
    """A key whose account may act."""
    key = unit.proofs.key(id_)
    account = None if key is None else unit.accounts.find(key.account)
    if key is None or account is None or account.status is not Status.ACTIVE:
        return None
    secret = access.secrets.unseal(account, sealed_as(id_), key.sealed)
    return SigningKey(id_, secret, actor_of(account), key.ends_at)


def check_request(key: SigningKey | None, asked: SignedRequest, now: datetime) -> Actor:
    """Who signed a request. That its nonce is new and its body fits is for the caller to see.

    Raises ``access.signature``, ``access.stale``.
    """
    if key is None or (key.ends_at is not None and now >= key.ends_at):
        raise CarbonError("access.signature", reason="key")
    text = signed_text(asked.method, asked.target, asked.timestamp, asked.nonce, asked.digest)
    if not compare_digest(digest(key.secret, text, "sha256").hex(), asked.signature):
        raise CarbonError("access.signature", reason="signature")
    if abs(now.timestamp() - int(asked.timestamp)) > CLOCK_WINDOW.total_seconds():
        told = now.astimezone(UTC).isoformat(timespec="seconds")
        raise CarbonError("access.stale", now=told)
    return key.actor
