"""Journals, holds and balances through the adapter, on both engines."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from carbon.adapters.store import tables as t
from carbon.adapters.store.holds import expire_holds, place_holds, post_hold, void_holds
from carbon.adapters.store.ledger import assets, balance, open_account, post_batch
from carbon.domain.errors import CarbonError
from carbon.domain.ledger.account import MAX_AMOUNT, Account, Policy
from carbon.ports.ledger import MAX_BATCH
from ledgers import AT, FEN, GONE, ISSUER, POINTS, Books, hold, journal, move

LATER = AT + timedelta(hours=1)


@pytest.fixture
def books(home):
    made = Books(home)
    yield made
    assert made.broken() == [], "whatever a test did, the invariants hold"
    made.close()


def refuses(code):
    return pytest.raises(CarbonError, match=rf"^\[{code}\]")


def give(books, *accounts, amount=100):
    books.post(*(journal(f"give-{a}", move(ISSUER, a, amount)) for a in accounts))


# --- accounts -------------------------------------------------------------------------------------


def test_an_account_is_opened_once_and_keeps_its_policy(books):
    again = Account(POINTS, "a", Policy.HOLDER)
    books.within(lambda c: open_account(c, again, LATER))
    with refuses("ledger.policy"):
        books.within(lambda c: open_account(c, Account(POINTS, "a", Policy.SOURCE), AT))
    assert books.within(assets) == [FEN, POINTS]


def test_an_account_nobody_opened_is_unknown(books):
    with refuses("ledger.unknown"):
        books.within(lambda c: balance(c, POINTS, "nobody"))
    for lines in (
        [move("nobody", "a", 1)],
        [move(ISSUER, "nobody", 1)],
        [move(ISSUER, "a", 1, "gold")],
    ):
        with refuses("ledger.unknown"):
            books.post(journal("k", *lines))
    assert books.count(t.journal) == 0, "a refused journal leaves its key free"


# --- posting --------------------------------------------------------------------------------------


def test_a_journal_moves_all_its_lines_or_none(books):
    give(books, "a")
    books.post(journal("k", move("a", "b", 60), move("b", GONE, 10), move(ISSUER, "c", 7, FEN)))
    assert books.amounts() == {ISSUER: -100, GONE: 10, "a": 40, "b": 50, "c": 0}
    assert books.amounts(FEN)["c"] == 7
    with refuses("ledger.insufficient"):
        books.post(journal("l", move(ISSUER, "c", 5), move("a", "b", 41)))
    assert books.amounts()["c"] == 0


def test_what_counts_is_what_a_journal_comes_to(books):
    """Money may pass through an account that holds nothing, in whatever order the lines stand."""
    give(books, "a")
    books.post(journal("k", move("b", "c", 100), move("a", "b", 100)))
    assert books.amounts() == {ISSUER: -100, GONE: 0, "a": 0, "b": 0, "c": 100}


def test_what_was_retired_never_moves_again(books):
    give(books, GONE)
    with refuses("ledger.insufficient"):
        books.post(journal("k", move(GONE, "a", 1)))
    with refuses("ledger.insufficient"):
        books.post(journal("give-retired", move(ISSUER, GONE, 100)).reversal("r"))
    assert books.amounts()[GONE] == 100


def test_the_same_key_is_answered_again_and_another_request_refused(books):
    first = journal("k", move(ISSUER, "a", 5), subject="fact/1")
    assert [x.repeated for x in books.post(first, first)] == [False, True]
    assert [x.repeated for x in books.post(first, at=LATER)] == [True]
    for other in (
        journal("k", move(ISSUER, "a", 6), subject="fact/1"),
        journal("k", move(ISSUER, "b", 5), subject="fact/1"),
        journal("k", move(ISSUER, "a", 5, FEN), subject="fact/1"),
        journal("k", move(ISSUER, "a", 5)),
        journal("k", move(ISSUER, "a", 5), move(ISSUER, "a", 5), subject="fact/1"),
    ):
        with refuses("request.conflict"):
            books.post(other)
    assert books.amounts()["a"] == 5


@pytest.mark.parametrize(
    "text", ['a"b', "a\\b", "{a,b}", "NULL", "null", "'; --", "汉 字", "%s", "a\\"]
)
def test_a_key_of_any_signs_is_itself(books, text):
    """Keys go to PostgreSQL as the text of an array."""
    made = journal(text, move(ISSUER, "a", 1), subject=text)
    assert [x.repeated for x in (*books.post(made), *books.post(made))] == [False, True]
    with books.database.read() as connection:
        assert connection.execute(sa.select(t.journal.c.key, t.journal.c.subject)).one() == (
            text,
            text,
        )
    books.post(made.reversal("r"))
    books.within(lambda c: place_holds(c, [hold(text, ISSUER, "a", 1, LATER)], AT))
    books.within(lambda c: post_hold(c, text, AT))


def test_a_counter_past_64_bits_is_refused(books):
    books.post(journal("k", move(ISSUER, "a", MAX_AMOUNT)))
    with refuses("ledger.overflow"):
        books.post(journal("l", move(ISSUER, "b", 1)))
    assert books.amounts()["b"] == 0


def test_a_batch_has_a_limit(books):
    many = [journal(f"k{n}", move(ISSUER, "a", 1)) for n in range(MAX_BATCH + 1)]
    with refuses("ledger.form"):
        books.post(*many)
    assert len(books.post(*many[:-1])) == MAX_BATCH


# --- reversals ------------------------------------------------------------------------------------


def test_a_reversal_restores_every_balance_once(books):
    give(books, "a", "b", "c")
    before = books.amounts()
    made = journal("k", move("a", "b", 30), move("b", "c", 5))
    books.post(made)
    books.post(made.reversal("r"))
    assert books.amounts() == before
    assert books.post(made.reversal("r"))[0].repeated
    for key in ("r2", "r3"):
        with refuses("ledger.reversal"):
            books.post(made.reversal(key))
    with refuses("ledger.reversal"):
        books.post(made.reversal("r").reversal("rr"))


@pytest.mark.parametrize(
    "lines",
    [
        [move("b", "a", 29)],
        [move("a", "b", 30)],
        [move("b", "c", 30)],
        [move("b", "a", 30), move(ISSUER, "a", 1)],
        [move("b", "a", 15), move("b", "a", 15)],
    ],
)
def test_a_reversal_mirrors_line_by_line(books, lines):
    give(books, "a", "b")
    books.post(journal("k", move("a", "b", 30)))
    with refuses("ledger.reversal"):
        books.post(journal("r", *lines, reverses="k"))
    with refuses("ledger.unknown"):
        books.post(journal("r", *lines, reverses="none such"))


# --- batches --------------------------------------------------------------------------------------


def test_of_a_batch_only_offenders_are_refused_and_each_has_its_answer(books):
    give(books, "a", amount=10)
    books.post(journal("old", move("a", "b", 1)))
    batch = [journal(f"k{n}", move("a", "b", 3 if n % 2 else 4)) for n in range(8)]
    batch += [journal("old", move("a", "b", 1)), journal("old", move("a", "b", 2))]
    batch += [journal("new", move(ISSUER, "c", 1)), journal("lost", move("nobody", "c", 1))]
    answers = {}
    for item, answer in zip(batch, post_batch(books.database, batch, AT), strict=True):
        assert item.key == answer.key
        answers.setdefault(answer.key, []).append(answer)
    told = {k: [x.error.code if x.error else x.repeated for x in v] for k, v in answers.items()}
    assert told["old"] == [True, "request.conflict"]
    assert (told["new"], told["lost"]) == ([False], ["ledger.unknown"])
    posted = [k for k in told if k.startswith("k") and told[k] == [False]]
    assert sum(told[f"k{n}"] == ["ledger.insufficient"] for n in range(8)) == 8 - len(posted)
    assert books.amounts()["a"] == 9 - sum(3 if int(k[1:]) % 2 else 4 for k in posted) < 3
    assert post_batch(books.database, [], AT) == ()


def test_a_batch_that_comes_again_is_all_repeats(books):
    batch = [journal(f"k{n}", move(ISSUER, "a", 1)) for n in range(20)]
    assert not any(x.repeated for x in post_batch(books.database, batch, AT))
    assert all(x.repeated for x in post_batch(books.database, batch[::-1], LATER))
    assert books.amounts()["a"] == 20


# --- holds ----------------------------------------------------------------------------------------


def test_a_hold_keeps_an_amount_from_everything_else_until_it_is_used(books):
    give(books, "a")
    promise = hold("h", "a", "b", 70, LATER)
    books.within(lambda c: place_holds(c, [promise], AT))
    assert books.held() == {"a": 70}
    assert books.within(lambda c: balance(c, POINTS, "a")).free == 30
    with refuses("ledger.insufficient"):
        books.post(journal("k", move("a", "c", 31)))
    with refuses("ledger.insufficient"):
        books.within(lambda c: place_holds(c, [hold("i", "a", "c", 31, LATER)], AT))
    assert not books.within(lambda c: post_hold(c, "h", AT)).repeated
    assert books.within(lambda c: post_hold(c, "h", LATER)).repeated, "answered, expired or not"
    assert books.amounts() == {ISSUER: -100, GONE: 0, "a": 30, "b": 70, "c": 0}
    assert books.held() == {}


def test_a_trade_uses_two_holds_for_less_than_they_promised(books):
    """Delivery against payment: both legs, and both holds ended, in one journal."""
    give(books, "a")
    books.post(journal("cash", move(ISSUER, "b", 1_000, FEN)))
    offer = hold("offer", "a", "b", 100, LATER)
    bid = type(offer)("bid", move("b", "a", 1_000, FEN), LATER)
    books.within(lambda c: place_holds(c, [offer, bid], AT))
    trade = journal("trade", move("a", "b", 60), move("b", "a", 540, FEN), uses=("offer", "bid"))
    assert [x.repeated for x in books.post(trade)] == [False]
    assert [x.repeated for x in books.post(trade)] == [True]
    assert (books.amounts()["b"], books.amounts(FEN)["b"], books.held()) == (60, 460, {})
    with refuses("ledger.ended"):
        books.post(journal("other", move("a", "b", 1), uses=("bid",)))


def test_a_hold_ends_once(books):
    give(books, "a")
    keys = ("used", "voided", "expired")
    books.within(lambda c: place_holds(c, [hold(k, "a", "b", 10, LATER) for k in keys], AT))
    books.within(lambda c: post_hold(c, "used", AT))
    books.within(lambda c: void_holds(c, ["voided"], AT))
    assert books.within(lambda c: expire_holds(c, LATER - timedelta(microseconds=1))) == []
    with refuses("ledger.ended"):
        books.within(lambda c: post_hold(c, "expired", LATER))
    assert books.within(lambda c: expire_holds(c, LATER)) == ["expired"]
    assert books.within(lambda c: expire_holds(c, LATER)) == []
    for key in ("voided", "expired"):
        with refuses("ledger.ended"):
            books.within(lambda c, k=key: post_hold(c, k, AT))
    for key in ("used", "expired"):
        with refuses("ledger.ended"):
            books.within(lambda c, k=key: void_holds(c, [k], AT))
    books.within(lambda c: void_holds(c, ["voided"], AT))
    assert (books.held(), books.amounts()["b"]) == ({}, 10)


def test_a_hold_placed_again_is_the_same_and_never_another(books):
    give(books, "a")
    promise = hold("h", "a", "b", 10, LATER)
    place = lambda *holds: books.within(lambda c: place_holds(c, holds, AT))  # noqa: E731
    assert [x.repeated for x in (*place(promise), *place(promise))] == [False, True]
    for other in (
        hold("h", "a", "b", 11, LATER),
        hold("h", "a", "c", 10, LATER),
        hold("h", "a", "b", 10, LATER + timedelta(seconds=1)),
    ):
        with refuses("request.conflict"):
            place(other)
    with refuses("ledger.ended"):
        place(hold("late", "a", "b", 1, AT))
    with refuses("ledger.form"):
        place(promise, promise)
    with refuses("ledger.unknown"):
        books.within(lambda c: void_holds(c, ["none"], AT))
    assert books.held() == {"a": 10}


# --- many at once ---------------------------------------------------------------------------------


def all_at_once(acts):
    """Run acts on threads that start together; returns what each gave or raised."""
    barrier = threading.Barrier(len(acts))

    def start(act):
        barrier.wait()
        try:
            return act()
        except CarbonError as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(start, acts))


def test_fifty_spends_of_one_balance_overdraw_nothing(books):
    give(books, "a", amount=10)
    spends = [journal(f"s{n}", move("a", "b", 1)) for n in range(50)]
    told = all_at_once([lambda j=j: post_batch(books.database, [j], AT)[0] for j in spends])
    assert sum(answer.error is None for answer in told) == 10
    refused = {answer.error.code for answer in told if answer.error}
    assert refused == {"ledger.insufficient"}, "a retry is never told as insufficient"
    assert (books.amounts()["a"], books.amounts()["b"]) == (0, 10)


def test_a_hundred_equal_posts_have_one_effect(books):
    same = journal("same", move(ISSUER, "a", 7))
    told = all_at_once([lambda: post_batch(books.database, [same], AT)[0]] * 100)
    assert all(answer.error is None for answer in told)
    assert sum(not answer.repeated for answer in told) == 1
    assert books.amounts()["a"] == 7


def test_one_hold_used_by_many_is_used_once(books):
    give(books, "a")
    books.within(lambda c: place_holds(c, [hold("h", "a", "b", 10, LATER)], AT))
    uses = [journal(f"u{n}", move("a", "b", 10), uses=("h",)) for n in range(8)]
    told = all_at_once([lambda j=j: post_batch(books.database, [j], AT)[0] for j in uses])
    assert sum(answer.error is None for answer in told) == 1
    assert {x.error.code for x in told if x.error} == {"ledger.ended"}
    assert (books.amounts()["b"], books.held()) == (10, {})


def test_transfers_in_circles_come_to_an_end(books):
    """Batches lock the same accounts in whatever order their lines name them."""
    give(books, "a", "b", "c", amount=1_000)
    circle = [("a", "b"), ("b", "c"), ("c", "a"), ("b", "a"), ("c", "b"), ("a", "c")]
    batches = [
        [journal(f"{w}-{n}", move(*circle[(w + n) % 6], 1)) for n in range(40)] for w in range(8)
    ]
    told = all_at_once([lambda b=b: post_batch(books.database, b, AT) for b in batches])
    assert all(answer.error is None for answers in told for answer in answers)
    assert books.count(t.transfer) == 3 + 8 * 40
