"""Values of the ledger are sound where they are made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import MAX_AMOUNT, MAX_CODE, Account, Balance, Policy
from carbon.domain.ledger.journal import MAX_LINES, Hold, Journal, Transfer
from ledgers import ISSUER, journal, move

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)


def malformed():
    return pytest.raises(CarbonError, match=r"^\[ledger.form\]")


@pytest.mark.parametrize(
    "code",
    [
        "",
        " a",
        "a ",
        "a  b",
        "a\nb",
        "a\tb",
        "汉",
        "a;b",
        'a"b',
        "(a)",
        "a" * (MAX_CODE + 1),
        7,
        None,
    ],
)
def test_a_code_is_short_plain_and_misleads_nobody(code):
    with malformed():
        Account(code, "a", Policy.HOLDER)
    with malformed():
        Transfer("points", "a", code, 1)


@pytest.mark.parametrize(
    "code", ["credit/HD-REUSE v1/2026/pilot", "holder/x", "p.1:2@3+4-5_6", "a" * MAX_CODE]
)
def test_codes_of_assets_and_accounts(code):
    assert Account(code, code, Policy.SINK).code == code


def test_a_policy_is_one_of_three():
    with malformed():
        Account("points", "a", "anything")


@pytest.mark.parametrize("amount", [0, -1, 1.0, 1.5, True, "1", None, MAX_AMOUNT + 1])
def test_an_amount_is_a_whole_positive_number_of_63_bits(amount):
    with malformed():
        move("a", "b", amount)


def test_a_transfer_has_two_sides():
    with malformed():
        move("a", "a", 1)
    assert move("a", "b", MAX_AMOUNT).mirrored() == move("b", "a", MAX_AMOUNT)


def test_a_journal_has_a_key_lines_and_limits():
    line = move("a", "b", 1)
    for key in ("", " k", "k ", "a\nb", "k" * 201, 5, "\ud800"):
        with malformed():
            journal(key, line)
    for lines in ([], [line] * (MAX_LINES + 1), [move("a", "b", MAX_AMOUNT), line]):
        with malformed():
            journal("k", *lines)
    for kind in ("", "two words", "汉", 5):
        with malformed():
            Journal("k", kind, (line,))
    for uses in (("h", "h"), ("",), tuple(f"h{n}" for n in range(MAX_LINES + 1))):
        with malformed():
            journal("k", line, uses=uses)
    with malformed():
        journal("k", line, subject="")
    with malformed():
        journal("k", line, reverses="\n")
    assert journal("签发 1", *[line] * MAX_LINES, subject="事实/1").kind == "test"


def test_a_digest_is_of_everything_asked_for_but_the_key():
    made = journal("k", move("a", "b", 1))
    assert made.digest() == journal("other", move("a", "b", 1)).digest()
    others = [
        Journal("k", "else", made.lines),
        journal("k", move("a", "b", 2)),
        journal("k", move("b", "a", 1)),
        journal("k", move("a", "b", 1, "fen")),
        journal("k", *made.lines, *made.lines),
        journal("k", *made.lines, subject="s"),
        journal("k", *made.lines, uses=("s",)),
        journal("k", *made.lines, reverses="s"),
    ]
    assert len({made.digest(), *(other.digest() for other in others)}) == 1 + len(others)


def test_a_reversal_goes_back_line_by_line():
    made = journal("k", move(ISSUER, "a", 5), move("a", "b", 3))
    back = made.reversal("r", "fact/1")
    assert back.lines == (move("a", ISSUER, 5), move("b", "a", 3))
    assert (back.reverses, back.subject) == ("k", "fact/1")


def test_a_hold_knows_its_moment_wherever_it_was_written():
    beijing = AT.astimezone(timezone(timedelta(hours=8)))
    promised = move("a", "b", 1)
    assert Hold("h", promised, AT).digest() == Hold("h", promised, beijing).digest()
    assert (
        Hold("h", promised, AT).digest() != Hold("h", promised, AT + timedelta(seconds=1)).digest()
    )
    assert Hold("h", promised, AT).posting().uses == ("h",)
    for key, at in (("h", AT.replace(tzinfo=None)), ("h" * 196, AT), ("h", "now")):
        with malformed():
            Hold(key, promised, at)


def test_what_is_free_is_what_is_not_promised():
    found = Balance(Account("points", "a", Policy.HOLDER), debits=30, credits=100, held=25)
    assert (found.amount, found.free) == (70, 45)
