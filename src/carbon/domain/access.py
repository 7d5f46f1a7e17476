"""Rules of accounts: what proves whom, for how long, and what a signed request is.

Limits are those of TRUST S3 and S14; their numbers are in one place, here.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from datetime import timedelta
from enum import StrEnum
from typing import Final

from carbon.domain.errors import CarbonError
from carbon.domain.roles import Role

#: Wrong proofs in a row after which nobody may try for a while, right or wrong.
MAX_FAILURES: Final = 5
LOCKED: Final = timedelta(minutes=15)
#: A session ends when it was not used for so long, and in any case after its life.
IDLE: Final = timedelta(minutes=15)
TABLET_IDLE: Final = timedelta(minutes=5)
SESSION_LIFE: Final = timedelta(hours=12)
#: Sessions one account has at most; a new one ends the oldest.
MAX_SESSIONS: Final = 20
#: How long a fresh proof opens what needs one.
STEP_UP: Final = timedelta(minutes=5)
#: Codes by message: digits, life, tries, and how many are sent to a number or for a network.
CODE_DIGITS: Final = 6
CODE_LIFE: Final = timedelta(minutes=5)
CODE_TRIES: Final = 5
CODES_SENT: Final = 3
CODES_WITHIN: Final = timedelta(minutes=10)
#: How long who is enrolled has to choose a password.
ENROLMENT_LIFE: Final = timedelta(hours=72)
#: How far the clock of whoever signs a request may be off, either way.
CLOCK_WINDOW: Final = timedelta(seconds=300)
#: How long a new key's secret can be asked for again, so that a lost answer is no lost key.
KEY_TOLD: Final = timedelta(minutes=10)
#: How long a replaced key still works.
KEY_OVERLAP: Final = timedelta(hours=24)
#: Keys one account has at most that have not ended.
MAX_KEYS: Final = 20
#: How long what is kept in memory of sessions and keys is believed: far below the minute in which
#: a freeze must be effective everywhere (TRUST S5).
BELIEVED: Final = timedelta(seconds=5)
#: How often a session in use is noted as used.
NOTED: Final = timedelta(seconds=30)
#: How often it is noted that somebody signs wrongly under the name of a key.
REFUSALS_NOTED: Final = timedelta(minutes=1)
#: How long security events are kept: more than the 184 days that the database insists on.
EVENTS_KEPT: Final = timedelta(days=190)

MIN_PASSWORD, MAX_PASSWORD = 8, 128
_FAMILIAR: Final = ("carbon", "inclusion", "tanpuhui", "碳普惠", "hedong", "tianjin", "password")
#: Roles that are always somebody; the others may be a system or a shared tablet.
NAMED: Final = frozenset({Role.OPERATOR, Role.ISSUER, Role.VERIFIER, Role.COMMERCE})
#: Roles that may sign requests with keys.
KEYED: Final = frozenset({Role.STATION, Role.ENTERPRISE, Role.MERCHANT})

_MAINLAND = re.compile(r"1[3-9][0-9]{9}")
_ABROAD = re.compile(r"\+[1-9][0-9]{6,14}")


class Status(StrEnum):
    """Where an account is in its life."""

    PENDING = "pending"
    ACTIVE = "active"
    FROZEN = "frozen"
    ENDED = "ended"


class Event(StrEnum):
    """What the security log tells of."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    STEP_UP = "step_up"
    CODE_SENT = "code_sent"
    LOCKED = "locked"
    CREATED = "created"
    APPROVED = "approved"
    ENROLLED = "enrolled"
    PASSWORD = "password"  # noqa: S105  the name of an event
    FROZEN = "frozen"
    UNFREEZE_ASKED = "unfreeze_asked"
    UNFROZEN = "unfrozen"
    ENDED = "ended"
    ERASED = "erased"
    KEY_MADE = "key_made"
    KEY_ENDED = "key_ended"
    KEY_REFUSED = "key_refused"
    LINKED = "linked"


def idle_of(role: Role) -> timedelta:
    """After which time without use a session of a role ends."""
    return TABLET_IDLE if role is Role.STATION else IDLE


def check_placed(role: Role, organisation: str, identity: str) -> None:
    """Raise ``account.incomplete`` where a role lacks its organisation or its person.

    Residents make their own accounts.
    """
    if role is Role.RESIDENT or not organisation or (role in NAMED and not identity):
        raise CarbonError("account.incomplete", role=role)


def phone_form(text: str) -> str:
    """A phone number as it is compared and called: mainland ones bare, others with their country.

    Raises ``phone.invalid``, without the number.
    """
    bare = re.sub(r"[\s()\-]", "", text)
    bare = re.sub(r"^00", "+", bare).removeprefix("+86")
    if not _MAINLAND.fullmatch(bare) and not _ABROAD.fullmatch(bare):
        raise CarbonError("phone.invalid")
    return bare


def check_password(password: str, known: Container[str], about: Iterable[str]) -> None:
    """Raise ``password.length``, ``password.common``. What it is composed of is not ruled.

    ``known``: common ones in lower case; ``about``: words of the account, which anyone may guess.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise CarbonError("password.length", least=MIN_PASSWORD, most=MAX_PASSWORD)
    folded = password.casefold()
    letters = "".join(c for c in folded if c.isalpha())
    words = {"".join(c for c in w.casefold() if c.isalpha()) for w in (*_FAMILIAR, *about)} - {""}
    if folded in known or letters in words or len(set(folded)) <= 2:  # noqa: PLR2004  aaaa, abab
        raise CarbonError("password.common")


def signed_text(method: str, target: str, timestamp: str, nonce: str, digest: str) -> bytes:
    """What the signature of a request is over, a line each.

    ``target``: path and query as sent; ``digest``: of the body, as its header says.
    """
    return f"carbon-request-1\n{method}\n{target}\n{timestamp}\n{nonce}\n{digest}".encode()
