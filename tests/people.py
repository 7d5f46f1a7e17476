"""Accounts of people who have enrolled, for tests."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pyotp

from carbon.bootstrap.system import System
from carbon.domain.access import signed_text
from carbon.domain.roles import Actor, Role
from carbon.services.accounts.access import SignedIn, actor_of
from carbon.services.accounts.granting import Granted, NewAccount
from carbon.services.accounts.keys import SignedRequest

HERE = "192.0.2.7"
PASSWORD = "four quiet herons wade"


class Phones:
    """All phones: codes that were sent, with their numbers."""

    sent: ClassVar[list[tuple[str, str]]] = []

    def send(self, phone: str, code: str) -> None:
        self.sent.append((phone, code))


@dataclass
class Person:
    """Somebody with an account, a password and an authenticator; uses each code once."""

    system: System
    id: str
    secret: str
    password: str = PASSWORD
    used: set[str] = field(default_factory=set)

    def code(self) -> str:
        """The one-time password of this moment; later, where it was used already."""
        totp = pyotp.TOTP(self.secret)
        code = totp.at(self.system.clock.now())
        while code in self.used:
            self.system.clock.move(seconds=30)
            code = totp.at(self.system.clock.now())
        self.used.add(code)
        return code

    def sign_in(self) -> SignedIn:
        return self.system.accounts.sign_in(self.id, self.password, self.code(), HERE)

    def actor(self, *, stepped_up: bool = True) -> Actor:
        return actor_of(self.system.accounts.account(self.id), stepped_up=stepped_up)


def enrolled(system: System, granted: Granted) -> Person:
    told = system.accounts.enrol(granted.account.id, granted.enrolment, PASSWORD)
    return Person(system, granted.account.id, told.secret)


def operators(system: System) -> tuple[Person, Person]:
    """The first two operators of a system."""
    granted = system.accounts.bootstrap(
        NewAccount("li", Role.OPERATOR, "platform", "Li Lei"),
        NewAccount("han", Role.OPERATOR, "platform", "Han Meimei"),
    )
    one, other = (enrolled(system, each) for each in granted)
    return one, other


def admitted(
    system: System,
    both: tuple[Person, Person],
    role: Role,
    id_: str,
    organisation: str = "zhuan",
    identity: str = "",
) -> Granted:
    """An account that two operators let act."""
    who = identity or f"person of {id_}"
    system.accounts.create(both[0].actor(), NewAccount(id_, role, organisation, who))
    return system.accounts.approve(both[1].actor(), id_)


def signed(
    system: System, key: str, secret: str, method: str, url: str, body: bytes = b"", **changes: Any
) -> SignedRequest:
    """A request signed with a key."""
    parts = urlsplit(url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    told = {
        "key": key,
        "timestamp": str(int(system.clock.now().timestamp())),
        "nonce": secrets.token_hex(16),
        "method": method,
        "target": target,
        "digest": hashlib.sha256(body).hexdigest(),
    } | changes
    if "signature" not in told:
        text = signed_text(*(told[n] for n in ("method", "target", "timestamp", "nonce", "digest")))
        told["signature"] = hmac_sha256(bytes.fromhex(secret), text)
    return SignedRequest(**told)


def hmac_sha256(secret: bytes, text: bytes) -> str:
    """HMAC-SHA256 as RFC 2104 spells it out, apart from the library the service uses."""
    block = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in block) + text).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in block) + inner).hexdigest()


def header(request: SignedRequest) -> str:
    """A signed request's header."""
    return (
        f"HMAC-SHA256 key={request.key},ts={request.timestamp},nonce={request.nonce},"
        f"digest={request.digest},sig={request.signature}"
    )
