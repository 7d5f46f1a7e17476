"""Sign in through another party, with an account that operators linked to somebody there."""

from __future__ import annotations

import secrets as chance
from dataclasses import dataclass, replace
from datetime import timedelta

from carbon.domain.access import Event, Status
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports.accounts import Account, ExternalSignIn, Provider
from carbon.services.accounts.access import Access, SignedIn, digest_of, found, start_session

#: How long somebody may take to sign in elsewhere.
LIFE = timedelta(minutes=10)
_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a browser goes, and what it must bring back from there."""

    address: str
    state: str


def begin(access: Access, provider: Provider) -> Sent:
    """Begin a sign-in elsewhere. Raises ``oidc.refused``."""
    state, nonce, verifier = (chance.token_urlsafe(_BYTES) for _ in range(3))
    address = provider.address(state, nonce, verifier)
    waiting = ExternalSignIn(digest_of(state), verifier, nonce, access.now() + LIFE)
    with access.begin() as unit:
        unit.tries.add_sign_in(waiting)
    return Sent(address, state)


def finish(access: Access, provider: Provider, state: str, code: str, origin: str) -> SignedIn:
    """Sign in whoever came back. Raises ``oidc.refused``."""
    now = access.now()
    with access.begin() as unit:
        waiting = unit.tries.take_sign_in(digest_of(state))
    if waiting is None or waiting.expires_at <= now:
        raise CarbonError("oidc.refused", reason="state")
    subject = _subject(access, provider, provider.subject(code, waiting.nonce, waiting.verifier))
    with access.begin() as unit:
        account = unit.accounts.of_subject(subject)
        if account is not None and account.status is Status.ACTIVE:
            return start_session(unit, account, origin, now)
        named = account.id if account else ""
        unit.events.note(now, Event.SIGN_IN, named, named, done=False)
    raise CarbonError("oidc.refused", reason="account")


def link(access: Access, actor: Actor, provider: Provider, id_: str, subject: str) -> Account:
    """Let somebody of the provider sign in to an account that may not act yet.

    Whoever links has given the first of its two approvals: another person gives the second. The
    same call is told the same. Raises ``account.state``, ``account.two_people``,
    ``request.conflict`` for a subject that another account has.
    """
    if not actor.person:
        raise CarbonError("account.two_people")
    hashed, now = _subject(access, provider, subject), access.now()
    with access.begin() as unit:
        unit.tries.alone(hashed)
        account = found(unit, id_, lock=True)
        if account.status not in (Status.PENDING, Status.FROZEN):
            raise CarbonError("account.state", id=id_, status=account.status)
        if not unit.proofs.link(hashed, id_, now):
            raise CarbonError("request.conflict", id=id_)
        account = replace(account, asked=actor.person)
        unit.accounts.put(account)
        unit.events.note(now, Event.LINKED, id_, actor.id)
    return account


def _subject(access: Access, provider: Provider, subject: str) -> str:
    return access.secrets.lookup("external", f"{provider.issuer} {subject}")
