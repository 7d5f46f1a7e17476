"""Residents: a phone number and a code sent to it. A first sign-in makes the account."""

from __future__ import annotations

import secrets as chance
from datetime import datetime
from hmac import compare_digest

from carbon.domain.access import (
    CODE_DIGITS,
    CODE_LIFE,
    CODES_SENT,
    CODES_WITHIN,
    Event,
    Status,
    phone_form,
)
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Role
from carbon.ports.accounts import Account, Code, Unit
from carbon.services.accounts.access import Access, SignedIn, start_session, take_try


def send_code(access: Access, id_: str, phone: str, origin: str) -> datetime:
    """Send a code to a number; until when it works. The same call sends nothing again.

    Raises ``phone.invalid``, ``code.limit``, ``code.sender``, ``request.conflict``.
    """
    form = phone_form(phone)
    lookup, now = access.secrets.lookup("phone", form), access.now()
    digits = f"{chance.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    digest = access.secrets.lookup("code", f"{id_}/{digits}")
    code = Code(id_, lookup, origin, digest, now, now + CODE_LIFE)
    with access.begin() as unit:
        unit.tries.alone(lookup, origin, access.secrets.lookup("code", id_))
        known = unit.tries.code(id_)
        if known is not None:
            return _told_again(known, code)
        if unit.tries.sent(lookup, origin, now - CODES_WITHIN) >= CODES_SENT:
            raise CarbonError("code.limit")
        unit.tries.add_code(code)
        account = unit.accounts.of_phone(lookup)
        unit.events.note(now, Event.CODE_SENT, account.id if account else "", "")
    _send(access, form, digits, id_)
    return code.expires_at


def _told_again(known: Code, asked: Code) -> datetime:
    if known.lookup != asked.lookup:
        raise CarbonError("request.conflict", id=asked.id)
    return known.expires_at


def _send(access: Access, phone: str, digits: str, id_: str) -> None:
    """Send outside the transaction; what was not sent does not count."""
    try:
        access.sender.send(phone, digits)
    except CarbonError:
        with access.begin() as unit:
            unit.tries.drop_code(id_)
        raise


def use_code(access: Access, unit: Unit, lookup: str, digits: str, now: datetime) -> bool:
    """Whether the digits are those of the number's latest code, which is used up if they are."""
    code = unit.tries.try_code(lookup, now)
    if code is None:
        return False
    fits = compare_digest(code.digest, access.secrets.lookup("code", f"{code.id}/{digits}"))
    if fits:
        unit.tries.spend_code(code.id)
    return fits


def by_code(access: Access, phone: str, digits: str, origin: str) -> SignedIn:
    """Sign a resident in. Raises ``access.refused``, ``access.locked``, ``phone.invalid``."""
    form, now = phone_form(phone), access.now()
    lookup, subject = (access.secrets.lookup(purpose, form) for purpose in ("phone", "attempt"))
    signed_in = None
    with access.begin() as unit:
        account = unit.accounts.of_phone(lookup)
        named = account.id if account else ""
        taken = take_try(unit, subject, named, now)
        if taken and use_code(access, unit, lookup, digits, now):
            account = account or _joined(access, unit, form, lookup)
            # Looked at once more under its lock: a freeze may have come between.
            account = unit.accounts.find(account.id, lock=True)
            if account is not None and account.status is Status.ACTIVE:
                unit.tries.forgive(subject)
                signed_in = start_session(unit, account, origin, now)
        if taken and signed_in is None:
            unit.events.note(now, Event.SIGN_IN, named, named, done=False)
    if signed_in is None:
        raise CarbonError("access.refused" if taken else "access.locked")
    return signed_in


def _joined(access: Access, unit: Unit, phone: str, lookup: str) -> Account:
    """A new resident's account. Its id is chance: nothing of it tells who it is."""
    id_ = f"r-{chance.token_hex(8)}"
    account = Account(
        id=id_,
        role=Role.RESIDENT,
        organisation="",
        person=access.secrets.person(phone),
        status=Status.ACTIVE,
        nonce=chance.token_bytes(16),
        request=access.secrets.lookup("account request", id_),
        created_at=access.now(),
    )
    unit.accounts.add(account)
    sealed = access.secrets.seal(account, "phone", phone.encode())
    unit.proofs.add_phone(id_, lookup, sealed)
    unit.events.note(account.created_at, Event.CREATED, id_, id_)
    return account
