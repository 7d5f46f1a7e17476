"""Sign in, step up, enrol. Every refusal is the same, whatever was wrong and whoever it was.

A try is counted before it is looked at, so that many at once are no more tries than one by one.
Slow hashes are made between transactions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from carbon.domain.access import Event, Status, check_password
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor
from carbon.ports.accounts import Account, Session, Unit
from carbon.services.accounts.access import (
    Access,
    SignedIn,
    actor_of,
    digest_of,
    start_session,
    take_try,
)
from carbon.services.accounts.codes import use_code


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an authenticator is set up with."""

    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class _Tried:
    """A try that may be looked at: the account, if there is one, and what it proves itself with."""

    subject: str
    account: Account | None
    hash: str | None
    step: int | None

    @property
    def id(self) -> str:
        return self.account.id if self.account else ""


def by_password(access: Access, id_: str, password: str, code: str, origin: str) -> SignedIn:
    """Sign in with password and one-time password. Raises ``access.refused``, ``access.locked``."""
    tried = _try(access, id_, code)
    right = access.proofs.verify(tried.hash, password)
    now = access.now()
    with access.begin() as unit:
        account = _proved(unit, tried, right=right)
        if account is not None:
            unit.proofs.end_enrolment(account.id)
            return start_session(unit, account, origin, now)
        unit.events.note(now, Event.SIGN_IN, tried.id, tried.id, done=False)
    raise CarbonError("access.refused")


def prove(access: Access, id_: str, password: str, code: str) -> Actor:
    """Who proves themselves for one act, at a console; nothing is left open.

    Raises ``access.refused``, ``access.locked``.
    """
    tried = _try(access, id_, code)
    right = access.proofs.verify(tried.hash, password)
    with access.begin() as unit:
        account = _proved(unit, tried, right=right)
        if account is not None:
            unit.proofs.end_enrolment(account.id)
        event_of = (Event.STEP_UP, tried.id, tried.id)
        unit.events.note(access.now(), *event_of, done=account is not None)
    if account is None:
        raise CarbonError("access.refused")
    return actor_of(account, stepped_up=True)


def _try(access: Access, id_: str, code: str) -> _Tried:
    """Count a try, and read what it is looked at with. Raises ``access.locked``."""
    now, subject = access.now(), access.secrets.lookup("attempt", id_)
    with access.begin() as unit:
        account = unit.accounts.find(id_)
        taken = take_try(unit, subject, account.id if account else "", now)
        hash_ = unit.proofs.password(id_)
        step = None if account is None else _step(access, unit, account, code, now)
    if not taken:
        raise CarbonError("access.locked")
    return _Tried(subject, account, hash_, step)


def _step(access: Access, unit: Unit, account: Account, code: str, now: datetime) -> int | None:
    sealed = unit.proofs.totp(account.id)
    if sealed is None:
        return None
    return access.proofs.step(access.secrets.unseal(account, "totp", sealed), code, now)


def _proved(unit: Unit, tried: _Tried, *, right: bool) -> Account | None:
    """The account, if everything fits, it may still act, and the step was not used."""
    account = unit.accounts.find(tried.id, lock=True)
    fits = right and tried.step is not None and account is not None
    if not fits or account is None or account.status is not Status.ACTIVE:
        return None
    if not unit.proofs.use_step(account.id, tried.step or 0):
        return None
    unit.tries.forgive(tried.subject)
    return account


def step_up(access: Access, signed_in: SignedIn, code: str) -> Session:
    """Prove oneself again in a session, by one-time password or by a code sent to the phone.

    Raises ``access.refused``, ``access.locked``, ``access.session``.
    """
    now, id_ = access.now(), signed_in.account.id
    subject = access.secrets.lookup("attempt", id_)
    with access.begin() as unit:
        account = unit.accounts.find(id_, lock=True)
        if account is None or account.status is not Status.ACTIVE:
            raise CarbonError("access.session")
        taken = take_try(unit, subject, id_, now)
        done = taken and _proved_again(access, unit, account, code, now)
        if done:
            unit.tries.forgive(subject)
            unit.sessions.step_up(signed_in.session.digest, now)
        if taken:
            unit.events.note(now, Event.STEP_UP, id_, id_, done=done)
        session = unit.sessions.find(signed_in.session.digest)
    if not done:
        raise CarbonError("access.refused" if taken else "access.locked")
    if session is None:
        raise CarbonError("access.session")
    return session


def _proved_again(access: Access, unit: Unit, account: Account, code: str, now: datetime) -> bool:
    step = _step(access, unit, account, code, now)
    if step is not None:
        return unit.proofs.use_step(account.id, step)
    lookup = unit.proofs.phone(account.id)
    return lookup is not None and use_code(access, unit, lookup, code, now)


def enrol(access: Access, id_: str, token: str, password: str) -> Enrolled:
    """Choose a password and get a secret of one-time passwords, with what the operator handed over.

    It may be repeated until the first sign-in. Raises ``password.*``, ``access.refused``,
    ``access.locked``.
    """
    check_password(password, access.proofs.common, (id_,))
    subject, now = access.secrets.lookup("attempt", id_), access.now()
    with access.begin() as unit:
        taken = take_try(unit, subject, "", now)
    if not taken:
        raise CarbonError("access.locked")
    hash_, secret = access.proofs.hash(password), access.proofs.new_secret()
    with access.begin() as unit:
        account = unit.accounts.find(id_, lock=True)
        digest = unit.proofs.enrolment(id_, now) or ""
        fits = compare_digest(digest, digest_of(token)) and account is not None
        unit.events.note(now, Event.ENROLLED, account.id if account else "", "", done=fits)
        if account is not None and fits:
            check_password(password, access.proofs.common, (account.organisation,))
            unit.tries.forgive(subject)
            unit.proofs.set_password(id_, hash_, now)
            unit.proofs.set_totp(id_, access.secrets.seal(account, "totp", secret))
    if not fits:
        raise CarbonError("access.refused")
    return Enrolled(access.proofs.text(secret), access.proofs.uri(secret, id_))


def change_password(access: Access, signed_in: SignedIn, old: str, new: str) -> None:
    """Change one's own password; all other sessions end.

    Raises ``password.*``, ``access.refused``, ``access.locked``.
    """
    account, now = signed_in.account, access.now()
    check_password(new, access.proofs.common, (account.id, account.organisation))
    subject = access.secrets.lookup("attempt", account.id)
    with access.begin() as unit:
        taken = take_try(unit, subject, account.id, now)
        hash_ = unit.proofs.password(account.id)
    if not taken:
        raise CarbonError("access.locked")
    right = access.proofs.verify(hash_, old)
    new_hash = access.proofs.hash(new)
    with access.begin() as unit:
        unit.events.note(now, Event.PASSWORD, account.id, account.id, done=right)
        if right:
            unit.tries.forgive(subject)
            unit.proofs.set_password(account.id, new_hash, now)
            unit.sessions.end_all(account.id, keep=signed_in.session.digest)
    if not right:
        raise CarbonError("access.refused")
