"""The bytes a request's signature is over, and a signature, as docs/accounts tells them."""

from __future__ import annotations

from hashlib import sha256

from carbon.domain.access import signed_text
from carbon.domain.roles import Actor, Role
from carbon.services.accounts.keys import SignedRequest, SigningKey, check_request
from conftest import FixedClock
from people import hmac_sha256

BODY = sha256(b"").hexdigest()
TEXT = (
    f"carbon-request-1\nPUT\n/api/v1/records/r1?lang=zh\n1795665600\n{'6f' * 16}\n{BODY}".encode()
)


def test_six_lines_and_no_end_of_line():
    told = ("PUT", "/api/v1/records/r1?lang=zh", "1795665600", "6f" * 16, BODY)
    assert signed_text(*told) == TEXT


def test_a_signature_made_by_hand_is_accepted():
    actor, now = Actor("dock", Role.STATION, "zhuan"), FixedClock().now()
    stamp = str(int(now.timestamp()))
    secret = bytes(range(32))
    text = TEXT.replace(b"1795665600", stamp.encode())
    request = SignedRequest(
        "dock-1",
        stamp,
        "6f" * 16,
        hmac_sha256(secret, text),
        "PUT",
        "/api/v1/records/r1?lang=zh",
        BODY,
    )
    assert check_request(SigningKey("dock-1", secret, actor, None), request, now) is actor
