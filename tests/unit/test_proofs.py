"""Passwords and one-time passwords as their standards say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from carbon.adapters import proofs as adapter
from carbon.adapters.proofs import Passwords
from carbon.domain.errors import CarbonError

#: RFC 6238, appendix B, SHA-1: time and the last six digits.
SECRET = b"12345678901234567890"
VECTORS = [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")]


@pytest.fixture(scope="module")
def proofs():
    return Passwords()


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), VECTORS)
def test_one_time_passwords_are_those_of_the_standard(proofs, seconds, code):
    step = seconds // 30
    assert proofs.step(SECRET, code, at(seconds)) == step
    for around in (-30, 30) if seconds > 60 else (30,):
        assert proofs.step(SECRET, code, at(seconds + around)) == step, "a step early or late"
    for around in (60, 90):
        assert proofs.step(SECRET, code, at(seconds + around)) is None


@pytest.mark.parametrize("code", ["", "28708", "2870821", "٢٨٧٠٨٢", "abcdef"])
def test_what_is_no_code_is_none(proofs, code):
    assert proofs.step(SECRET, code, at(59)) is None


def test_an_authenticator_reads_the_secret(proofs):
    uri = proofs.uri(SECRET, "wang-wei")
    assert uri.startswith("otpauth://totp/")
    assert f"secret={proofs.text(SECRET)}" in uri
    assert proofs.new_secret() != proofs.new_secret()


def test_a_hash_is_slow_salted_and_says_how(proofs):
    one, other = (proofs.hash("four quiet herons wade") for _ in range(2))
    assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert one != other
    assert proofs.verify(one, "four quiet herons wade")
    assert not proofs.verify(one, "four quiet herons wades")
    assert not proofs.verify(None, "four quiet herons wade"), "nobody's"


def test_hashes_wait_for_their_turn_and_not_for_ever(monkeypatch):
    monkeypatch.setattr(adapter, "_PATIENCE", 0.0)
    busy = Passwords()
    for _ in range(adapter._AT_ONCE):
        busy._wait()
    for act in (lambda: busy.hash("x"), lambda: busy.verify(None, "x")):
        with pytest.raises(CarbonError, match=r"access\.busy"):
            act()
    busy._turns.release()
    assert busy.hash("x")


def test_common_passwords_are_long_enough_to_be_chosen(proofs):
    assert len(proofs.common) == 3_000
    assert {"password1", "1q2w3e4r", "12345678"} <= proofs.common
    assert min(map(len, proofs.common)) == 8
