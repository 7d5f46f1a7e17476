"""Accounts of a demonstration: one of every role, with proofs that follow from its own secret.

They are the same each time they are told, and another installation's are others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carbon.domain.access import KEYED, Status
from carbon.domain.roles import Actor, Role
from carbon.ports.accounts import ApiKey, Unit
from carbon.services.accounts.access import Access, actor_of
from carbon.services.accounts.granting import NewAccount, approve, bootstrap, create
from carbon.services.accounts.keys import sealed_as

#: Organisation and person of each role; an operator's second person is another one.
CAST: Final[Mapping[Role, tuple[str, str]]] = {
    Role.STATION: ("zhuan", ""),
    Role.ENTERPRISE: ("zhuan", "demo owner"),
    Role.MERCHANT: ("shop", "demo merchant"),
    Role.VERIFIER: ("verity", "demo verifier"),
    Role.ISSUER: ("bureau", "demo issuer"),
    Role.COMMERCE: ("commerce", "demo commerce officer"),
}
_OPERATORS: Final = (
    NewAccount("demo-operator", Role.OPERATOR, "platform", "demo operator"),
    NewAccount("demo-operator-2", Role.OPERATOR, "platform", "demo second operator"),
)
#: A resident's number; codes to it are in the outbox.
PHONE: Final = "13800138000"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """How to sign in as somebody. ``secret``: for an authenticator; ``key``: of a key to sign with.

    A resident has ``phone`` only.
    """

    id: str
    role: Role
    organisation: str
    password: str = ""
    secret: str = ""
    key: str = ""
    key_secret: str = ""
    phone: str = ""


def seed(access: Access, cast: Mapping[Role, tuple[str, str]] = CAST) -> list[DemoAccount]:
    """Make those that are not there yet, and tell how to sign in as each."""
    with access.begin() as unit:
        known = unit.accounts.find(_OPERATORS[0].id) is not None
    if not known:
        bootstrap(access, *_OPERATORS)
    one, other = (_actor(access, operator.id) for operator in _OPERATORS)
    new = [NewAccount(f"demo-{role}", role, *placed) for role, placed in cast.items()]
    for account in new:
        if create(access, one, account).status is Status.PENDING:
            approve(access, other, account.id, Status.PENDING)
    resident = DemoAccount("", Role.RESIDENT, "", phone=PHONE)
    return [resident, *(_equipped(access, account) for account in (*_OPERATORS, *new))]


def _actor(access: Access, id_: str) -> Actor:
    with access.begin() as unit:
        account = unit.accounts.find(id_)
    if account is None:
        raise AssertionError("an operator of the demonstration is missing")
    return actor_of(account)


def _equipped(access: Access, new: NewAccount) -> DemoAccount:
    """Give an account its proofs, unless it has them."""
    password, secret = _derived(access, f"{new.id}/password"), _bytes(access, f"{new.id}/totp")
    hash_ = access.proofs.hash(password)
    with access.begin() as unit:
        account = unit.accounts.find(new.id)
        if account is not None and unit.proofs.password(new.id) is None:
            unit.proofs.set_password(new.id, hash_, access.now())
            unit.proofs.set_totp(new.id, access.secrets.seal(account, "totp", secret))
            unit.proofs.end_enrolment(new.id)
        key, key_secret = _keyed(access, unit, new) if new.role in KEYED else ("", "")
    text = access.proofs.text(secret)
    return DemoAccount(new.id, new.role, new.organisation, password, text, key, key_secret)


def _keyed(access: Access, unit: Unit, new: NewAccount) -> tuple[str, str]:
    id_ = f"{new.id}-key"
    secret = _bytes(access, f"{id_}/1") + _bytes(access, f"{id_}/2")
    account = unit.accounts.find(new.id)
    if account is not None and unit.proofs.key(id_) is None:
        sealed = access.secrets.seal(account, sealed_as(id_), secret)
        unit.proofs.add_key(ApiKey(id_, new.id, sealed, access.now()))
    return id_, secret.hex()


def _derived(access: Access, what: str) -> str:
    return access.secrets.lookup("demonstration", what)


def _bytes(access: Access, what: str) -> bytes:
    return bytes.fromhex(_derived(access, what))
