"""Accounts under the operators' hands: made by one, approved by another, stopped by any."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from carbon.bootstrap.system import System
from carbon.domain.roles import Actor, Role, check_step_up
from carbon.ports.accounts import Account, ApiKey, SecurityEvent
from carbon.services.accounts.granting import Granted, NewAccount
from carbon.web.answers import Limit, Page, Place, moment, page, whole_number
from carbon.web.api.sessions import AccountId
from carbon.web.guards import PERMISSION

Meta = msgspec.Meta
_MANAGE: Final = {PERMISSION: "accounts.manage"}
_Slug = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,39}$", examples=["zhuan"])]
_Identity = Annotated[str, Meta(max_length=200, examples=["someone known by this name"])]
_KeyId = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,63}$", examples=["dock-1-2026"])]
_Whose = Annotated[
    str,
    QueryParameter(pattern="^[a-z0-9-]{0,64}$", description="只看此账户 / of this account only"),
]
_After = Annotated[
    str,
    QueryParameter(
        pattern="^[a-z0-9-]{0,64}$", description="上一页的 next / next of the page before"
    ),
]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new account. ``identity``: of its person, empty for a system or a shared tablet."""

    role: Role
    organisation: _Slug
    identity: _Identity = ""


class Told(msgspec.Struct, frozen=True):
    """An account. ``approvals``: how many of the two it needs to act it has."""

    id: str
    role: str
    organisation: str
    status: str
    approvals: int
    created_at: str


class Approved(msgspec.Struct, frozen=True):
    """``enrolment``: hand it to the account's holder, who enrols with it within 72 hours."""

    account: Told
    enrolment: str | None


class WantedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new key. ``replaces``: the id of one that ends after a day."""

    replaces: _KeyId | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """A key with its secret in hexadecimal, which is told for ten minutes only."""

    id: str
    secret: str


class ToldKey(msgspec.Struct, frozen=True):
    """A key."""

    id: str
    created_at: str
    replaces: str | None
    ends_at: str | None


class Keys(msgspec.Struct, frozen=True):
    """An account's keys."""

    items: list[ToldKey]


class ToldEvent(msgspec.Struct, frozen=True):
    """A line of the security log."""

    seq: str
    at: str
    account: str
    event: str
    outcome: str
    actor: str


def told(account: Account) -> Told:
    """An account as it is shown."""
    approvals = 2 if account.status == "active" else int(account.asked is not None)
    made = moment(account.created_at)
    return Told(account.id, account.role, account.organisation, account.status, approvals, made)


def _approved(granted: Granted) -> Approved:
    return Approved(told(granted.account), granted.enrolment)


@put("/accounts/{account:str}", opt=_MANAGE, status_code=200, sync_to_thread=True)
def create(
    account: FromPath[AccountId],
    data: JSONBody[Wanted],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Told:
    """Make an account; another operator approves it (TRUST S4)."""
    check_step_up(actor)
    new = NewAccount(account, data.role, data.organisation, data.identity)
    return told(system.accounts.create(actor, new))


@get("/accounts", opt=_MANAGE, sync_to_thread=True)
def listed(system: NamedDependency[System], limit: Limit = 50, cursor: _After = "") -> Page[Told]:
    """All accounts by id."""
    accounts = system.accounts.page(cursor, limit + 1)
    return page([told(account) for account in accounts], limit, lambda shown: shown.id)


@get("/accounts/{account:str}", opt=_MANAGE, sync_to_thread=True)
def one(account: FromPath[AccountId], system: NamedDependency[System]) -> Told:
    """An account."""
    return told(system.accounts.account(account))


@post("/accounts/{account:str}/approve", opt=_MANAGE, status_code=200, sync_to_thread=True)
def approve(
    account: FromPath[AccountId],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Approved:
    """Be the second person who lets a new account act."""
    check_step_up(actor)
    return _approved(system.accounts.approve(actor, account))


@post("/accounts/{account:str}/freeze", opt=_MANAGE, status_code=200, sync_to_thread=True)
def freeze(
    account: FromPath[AccountId],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Told:
    """Stop an account at once. One person is enough, without a step-up: it is urgent (TRUST S5)."""
    return told(system.accounts.freeze(actor, account))


@post("/accounts/{account:str}/unfreeze", opt=_MANAGE, status_code=200, sync_to_thread=True)
def unfreeze(
    account: FromPath[AccountId],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Approved:
    """Be one of the two people who let a frozen account act again; it enrols anew."""
    check_step_up(actor)
    return _approved(system.accounts.unfreeze(actor, account))


@post("/accounts/{account:str}/end", opt=_MANAGE, status_code=200, sync_to_thread=True)
def end(
    account: FromPath[AccountId],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> Told:
    """End an account for ever."""
    check_step_up(actor)
    return told(system.accounts.end(actor, account))


@put("/accounts/{account:str}/keys/{key:str}", opt=_MANAGE, status_code=200, sync_to_thread=True)
def make_key(
    account: FromPath[AccountId],
    key: FromPath[_KeyId],
    data: JSONBody[WantedKey],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> MadeKey:
    """Make a key that signs requests. The secret is told to the same call for ten minutes."""
    check_step_up(actor)
    return MadeKey(key, system.accounts.make_key(actor, account, key, data.replaces))


@get("/accounts/{account:str}/keys", opt=_MANAGE, sync_to_thread=True)
def listed_keys(account: FromPath[AccountId], system: NamedDependency[System]) -> Keys:
    """An account's keys, the oldest first."""
    return Keys([_told_key(key) for key in system.accounts.keys(account)])


def _told_key(key: ApiKey) -> ToldKey:
    ends_at = None if key.ends_at is None else moment(key.ends_at)
    return ToldKey(key.id, moment(key.created_at), key.replaces, ends_at)


@delete("/accounts/{account:str}/keys/{key:str}", opt=_MANAGE, status_code=204, sync_to_thread=True)
def end_key(
    account: FromPath[AccountId],
    key: FromPath[_KeyId],
    system: NamedDependency[System],
    actor: NamedDependency[Actor],
) -> None:
    """End a key now, without a step-up: it may be urgent."""
    system.accounts.end_key(actor, account, key)


@get("/security-log", opt={PERMISSION: "security.read"}, sync_to_thread=True)
def security_log(
    system: NamedDependency[System], limit: Limit = 50, account: _Whose = "", cursor: Place = ""
) -> Page[ToldEvent]:
    """What happened to accounts, the newest first (TRUST S14)."""
    events = system.accounts.events(account, whole_number(cursor), limit + 1)
    return page([_told_event(event) for event in events], limit, lambda shown: shown.seq)


def _told_event(event: SecurityEvent) -> ToldEvent:
    at = moment(event.at)
    return ToldEvent(str(event.seq), at, event.account, event.event, event.outcome, event.actor)


accounts = Router(
    "/",
    route_handlers=[
        create,
        listed,
        one,
        approve,
        freeze,
        unfreeze,
        end,
        make_key,
        listed_keys,
        end_key,
        security_log,
    ],
    tags=["accounts"],
)
