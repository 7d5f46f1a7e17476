"""Who gets an account and who loses it: two people let one act, one is enough to stop it."""

from __future__ import annotations

import json
import secrets as chance
from dataclasses import dataclass, replace

from carbon.domain.access import ENROLMENT_LIFE, Event, Status, check_placed
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.ports.accounts import Account, Permit, Unit
from carbon.services.accounts.access import Access, digest_of, found

#: Operators that a new system begins with: enough to admit others.
FIRST_OPERATORS = 2
#: Who acts before there are accounts: whoever has the machine with its keys.
CONSOLE = "console"
_NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Granted:
    """An account after an approval. ``enrolment``: what its holder enrols with, once it may act."""

    account: Account
    enrolment: str | None = None


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be made. ``identity``: of its person, empty for a system or a shared tablet."""

    id: str
    role: Role
    organisation: str
    identity: str = ""


def create(access: Access, actor: Actor, new: NewAccount) -> Account:
    """Make an account that waits for a second person; the same call is told the same.

    Raises ``account.incomplete``, ``request.conflict``.
    """
    check_placed(new.role, new.organisation, new.identity)
    _check_person(actor)
    account = _made(access, new, asked=actor.person)
    with access.begin() as unit:
        unit.tries.alone(access.secrets.lookup("account request", new.id))
        known = unit.accounts.find(new.id)
        if known is not None and known.request != account.request:
            raise CarbonError("request.conflict", id=new.id)
        if known is None:
            unit.accounts.add(account)
            unit.events.note(account.created_at, Event.CREATED, new.id, actor.id)
    return known or account


def _made(access: Access, new: NewAccount, asked: str | None) -> Account:
    told = json.dumps([new.id, new.role, new.organisation, new.identity])
    return Account(
        id=new.id,
        role=new.role,
        organisation=new.organisation,
        person=access.secrets.person(new.identity) if new.identity else "",
        status=Status.PENDING,
        nonce=chance.token_bytes(_NONCE_BYTES),
        request=access.secrets.lookup("account request", told),
        created_at=access.now(),
        asked=asked,
    )


def approve(access: Access, actor: Actor, id_: str, status: Status) -> Granted:
    """Approve an account that is pending or frozen; the second person lets it act.

    What it proved itself with before a freeze is forgotten: it enrols anew. The same call is told
    the same. Raises ``account.state``, ``account.two_people``.
    """
    _check_person(actor)
    with access.begin() as unit:
        account = found(unit, id_, lock=True)
        if account.status is Status.ACTIVE:
            return _told_again(access, unit, actor, account)
        if account.status is not status:
            raise CarbonError("account.state", id=id_, status=account.status)
        if actor.person == account.person:
            raise CarbonError("account.two_people")
        if account.asked in (None, actor.person):
            return Granted(_asked(access, unit, actor, account))
        return _admitted(access, unit, actor, account, account.asked or "")


def _told_again(access: Access, unit: Unit, actor: Actor, account: Account) -> Granted:
    """The second person is told once more, until the account has enrolled."""
    permit = unit.accounts.permit(account.id, account.freezes)
    if permit is None or actor.person not in (permit.first, permit.second):
        raise CarbonError("account.state", id=account.id, status=account.status)
    waiting = unit.proofs.enrolment(account.id, access.now()) is not None
    second = actor.person == permit.second
    return Granted(account, _token(access, account) if waiting and second else None)


def _asked(access: Access, unit: Unit, actor: Actor, account: Account) -> Account:
    if account.asked is None:
        account = replace(account, asked=actor.person)
        unit.accounts.put(account)
        unit.events.note(access.now(), Event.UNFREEZE_ASKED, account.id, actor.id)
    return account


def _admitted(access: Access, unit: Unit, actor: Actor, account: Account, first: str) -> Granted:
    now, number = access.now(), account.freezes
    unit.accounts.admit(Permit(account, number, first, actor.person, now))
    event = Event.UNFROZEN if number else Event.APPROVED
    unit.events.note(now, event, account.id, actor.id)
    unit.proofs.forget(account.id)
    account = replace(account, status=Status.ACTIVE, asked=None)
    if account.role is Role.RESIDENT:
        return Granted(account)
    token = _token(access, account)
    unit.proofs.set_enrolment(account.id, digest_of(token), now + ENROLMENT_LIFE)
    return Granted(account, token)


def _token(access: Access, account: Account) -> str:
    """What enrols an account after a number of freezes: made anew, it is the same."""
    named = f"{account.id}/{account.nonce.hex()}/{account.freezes}"
    return access.secrets.lookup("enrolment", named)


def freeze(access: Access, actor: Actor, id_: str) -> Account:
    """Stop an account: its sessions end, its keys sign nothing. One person is enough.

    The same call is told the same. Raises ``account.state`` for one that ended.
    """
    with access.begin() as unit:
        account = found(unit, id_, lock=True)
        if account.status is Status.ENDED:
            raise CarbonError("account.state", id=id_, status=account.status)
        if account.status is not Status.FROZEN:
            freezes = account.freezes + 1
            account = replace(account, status=Status.FROZEN, freezes=freezes, asked=None)
            _stop(access, unit, actor, account, Event.FROZEN)
    return account


def end(access: Access, actor: Actor, id_: str) -> Account:
    """End an account for ever; the same call is told the same."""
    with access.begin() as unit:
        account = found(unit, id_, lock=True)
        if account.status is not Status.ENDED:
            account = replace(account, status=Status.ENDED, asked=None)
            unit.proofs.forget(id_)
            for key in unit.proofs.keys(id_):
                unit.proofs.end_key(key.id, access.now())
            _stop(access, unit, actor, account, Event.ENDED)
    return account


def _stop(access: Access, unit: Unit, actor: Actor, account: Account, event: Event) -> None:
    unit.accounts.put(account)
    unit.sessions.end_all(account.id)
    unit.proofs.end_enrolment(account.id)
    unit.events.note(access.now(), event, account.id, actor.id)


def bootstrap(access: Access, first: NewAccount, second: NewAccount) -> list[Granted]:
    """Make the first two operators; each is the other's second person, both being present.

    Also the way back where fewer than two operators can act. Raises ``account.bootstrapped``,
    ``account.two_people``, ``request.conflict``.
    """
    both = [_made(access, new, asked=None) for new in (first, second)]
    if not all(a.person for a in both) or both[0].person == both[1].person:
        raise CarbonError("account.two_people")
    with access.begin() as unit:
        unit.tries.alone(access.secrets.lookup("account request", CONSOLE))
        if unit.accounts.active_operators() >= FIRST_OPERATORS:
            raise CarbonError("account.bootstrapped")
        return [_begun(access, unit, a, other) for a, other in (both, both[::-1])]


def _begun(access: Access, unit: Unit, account: Account, other: Account) -> Granted:
    if unit.accounts.find(account.id) is not None:
        raise CarbonError("request.conflict", id=account.id)
    unit.accounts.add(account)
    console = Actor(CONSOLE, Role.OPERATOR, person=account.person)
    unit.events.note(account.created_at, Event.CREATED, account.id, CONSOLE)
    return _admitted(access, unit, console, account, other.person)


def _check_person(actor: Actor) -> None:
    """Two accounts without a person could be one. Raises ``account.two_people``."""
    if not actor.person:
        raise CarbonError("account.two_people")
