"""Signatures of decisions: whose, over what, by how many different people."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from carbon.adapters.signing import verify_ed25519
from carbon.domain.credit.contents import check_content
from carbon.domain.credit.decision import (
    KINDS,
    TWO_PEOPLE,
    Decision,
    Member,
    Signature,
    check_signatures,
    digest,
    message,
)
from carbon.domain.errors import CarbonError

CONTENT = {"report": "p1/2026-10/0", "credits": "12"}
NAME = digest("issuance", "p1/2026-10/0", CONTENT)


class Person:
    def __init__(self, person: str, *roles: str) -> None:
        self.secret = Ed25519PrivateKey.generate()
        self.key = self.secret.public_key().public_bytes_raw().hex()
        self.member = Member(person, self.key, frozenset(roles), "bureau")

    def signs(self, name: str = NAME) -> Signature:
        return Signature(self.key, self.secret.sign(message(name)).hex())


ANNE, BERT = Person("a" * 32, "issuer"), Person("b" * 32, "issuer", "verifier")
#: A second key of the first person: one person all the same.
ANNE_AGAIN, CARL = Person("a" * 32, "issuer"), Person("c" * 32, "verifier")
MEMBERS = {p.key: p.member for p in (ANNE, BERT, ANNE_AGAIN, CARL)}


def signers(*signatures):
    return check_signatures("issuance", NAME, signatures, MEMBERS, verify_ed25519)


def test_two_people_with_the_role_sign():
    assert signers(ANNE.signs(), BERT.signs()) == [ANNE.member, BERT.member]
    assert signers(ANNE.signs()) == [ANNE.member], "one is told as one"


@pytest.mark.parametrize(
    ("signatures", "code"),
    [
        ((ANNE.signs(), ANNE_AGAIN.signs()), "decision.same_person"),
        ((ANNE.signs(), ANNE.signs()), "decision.same_person"),
        ((ANNE.signs(), CARL.signs()), "decision.role"),
        ((CARL.signs(),), "decision.role"),
        (
            (ANNE.signs(digest("issuance", "p1/2026-10/0", {**CONTENT, "credits": "13"})),),
            "decision.signature",
        ),
        ((ANNE.signs(digest("issuance", "p1/2026-10/1", CONTENT)),), "decision.signature"),
        ((ANNE.signs(digest("statement", "p1/2026-10/0", CONTENT)),), "decision.signature"),
        ((Signature(BERT.key, ANNE.signs().signature),), "decision.signature"),
        ((Person("d" * 32, "issuer").signs(),), "decision.unknown_key"),
        ((ANNE.signs(), BERT.signs(), CARL.signs()), "decision.role"),
    ],
)
def test_everything_else_is_refused(signatures, code):
    with pytest.raises(CarbonError, match=re.escape(code)):
        signers(*signatures)


def test_a_decision_reads_back_from_its_leaf():
    given = Decision(
        "issuance",
        "p1/2026-10/0",
        CONTENT,
        "2026-11-25T10:00:00+08:00",
        (ANNE.signs(),),
        {"credits": "12"},
    )
    assert Decision.of(given.leaf()) == given
    assert given.digest == NAME, "what is signed does not depend on what came of it"


def test_what_two_people_do_is_what_the_design_says():
    assert {"issuance", "member", "filing", "unfreeze", "restatement"} < set(TWO_PEOPLE)
    assert all(len(KINDS[kind].signers) == 2 for kind in TWO_PEOPLE)


@pytest.mark.parametrize(
    ("kind", "id_", "content", "code"),
    [
        ("coup", "x", {}, "decision.kind"),
        ("issuance", "p1/2026-10/0", {"report": "p1/2026-10/0"}, "decision.form"),
        ("issuance", "p1/2026-10/0", {**CONTENT, "credits": 12}, "decision.form"),
        ("issuance", "p1/2026-10/0", {**CONTENT, "credits": "-1"}, "decision.form"),
        ("issuance", "p1/2026-10/0", {**CONTENT, "more": "x"}, "decision.form"),
        ("issuance", " ", CONTENT, "decision.form"),
        ("issuance", "x" * 201, CONTENT, "decision.form"),
        ("freeze", "h/1", {"holder": "h", "reason": "two\nlines"}, "decision.form"),
        ("freeze", "h/1", [], "decision.form"),
    ],
)
def test_a_content_has_exactly_its_form(kind, id_, content, code):
    with pytest.raises(CarbonError, match=re.escape(code)):
        check_content(kind, id_, content)
