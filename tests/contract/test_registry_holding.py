"""持有、划转、注销、取消: own, free, unfrozen credits; ten minutes to think (TRUST S5, S6, U7)."""

from __future__ import annotations

import threading

import pytest

from carbon.domain.errors import CarbonError
from pilot import ASSET, at, refused

pytestmark = pytest.mark.doors

FROZEN = {"holder": "zhuan", "reason": "asked"}


@pytest.fixture
def pilot(pilot_at):
    """An owner of 201 credits in a demonstration, with a counterparty that waited its days."""
    made = pilot_at("issued").demonstrating()
    made.trust()
    return made


def free(pilot, holder: str) -> int:
    return sum(held["free"] for held in pilot.registry.credits.holdings(holder))


def cancel(pilot, id_: str, credits_: int, **changes):
    content = {"asset": ASSET, "holder": "zhuan", "credits": str(credits_), "reason": "damaged"}
    return pilot.decide("cancellation", id_, content | changes, "otto")


def serials(first: int, last: int) -> dict[str, dict[str, str]]:
    return {"serials": {"first": str(first), "last": str(last)}}


# --- who gets -------------------------------------------------------------------------------------


def test_a_new_counterparty_waits_four_working_days(pilot_at):
    """S5: named on Monday 23 November, credits can go there from Friday the 27th."""
    pilot = pilot_at("issued").demonstrating()
    refused("holding.counterparty", pilot.transfer, "t", 1)
    own = {"holder": "zhuan", "other": "nobody"}
    refused("holding.nobody", pilot.decide, "counterparty", "zhuan/nobody", own, "otto")
    own = {"holder": "zhuan", "other": "green"}
    refused("decision.id", pilot.decide, "counterparty", "green/zhuan", own, "otto")
    refused("decision.organisation", pilot.decide, "counterparty", "zhuan/green", own, "gina")
    pilot.decide("counterparty", "zhuan/green", own, "otto")
    pilot.clock.at = at("2026-11-26T23:59:59")
    refused("holding.waiting", pilot.transfer, "t", 1)
    pilot.clock.at = at("2026-11-27T00:00:00")
    assert pilot.transfer("t", 1)["state"] == "due"


def test_pilot_units_stay_where_they_are_outside_a_demonstration(pilot_at):
    """试点单位 back no claim; they can be cancelled, nothing else."""
    pilot = pilot_at("issued")
    pilot.trust()
    refused("holding.pilot", pilot.transfer, "t", 1)
    retire = ("r", "zhuan", ASSET, 1, "A.", "event", pilot.keys("otto"))
    refused("holding.pilot", pilot.retire, *retire)
    assert cancel(pilot, "c", 1)["state"] == "due"


def test_only_the_holder_gives_and_never_to_itself(pilot):
    """Who signs acts for who gives."""
    refused("holding.self", pilot.transfer, "t", 1, to="zhuan")
    content = {"asset": ASSET, "from": "zhuan", "to": "green", "credits": "1"}
    refused("decision.organisation", pilot.decide, "transfer", "t", content, "gina")
    refused("holding.zero", pilot.transfer, "t", 0)
    refused("decision.form", pilot.transfer, "t", -1)


# --- how much -------------------------------------------------------------------------------------


def test_the_lowest_limit_wins(pilot):
    """S5: the bureau's 100,000 a transfer; the holder's own 60 a transfer and 100 a day."""
    refused("holding.limit", pilot.transfer, "t", 100_001)
    own = {"holder": "zhuan", "transfer": "60", "day": "100"}
    refused("decision.id", pilot.decide, "limit", "zhuan/2", own, "otto")
    refused("decision.organisation", pilot.decide, "limit", "zhuan/1", own, "gina")
    pilot.decide("limit", "zhuan/1", own, "otto")
    refused("holding.limit", pilot.transfer, "t", 61)
    pilot.transfer("t1", 60)
    refused("holding.day_limit", pilot.transfer, "t2", 41)
    assert [told["state"] for told in pilot.settle()] == ["done"]
    refused("holding.day_limit", pilot.transfer, "t2", 41)
    pilot.transfer("t2", 40)
    pilot.settle()
    pilot.clock.at = at("2026-12-01T00:00:00")
    pilot.transfer("t3", 60)


def test_nobody_gives_more_than_is_free(pilot):
    """What is promised is not promised again."""
    refused("ledger.insufficient", pilot.transfer, "t", 202)
    pilot.transfer("t1", 150)
    refused("ledger.insufficient", pilot.transfer, "t2", 52)
    refused("ledger.insufficient", cancel, pilot, "c", 52)
    pilot.transfer("t2", 51)
    assert free(pilot, "zhuan") == 0


def test_serials_that_are_asked_for_are_the_ones_that_move(pilot):
    """Own, free, as many as stated; the rest stays whole where it was."""
    refused("serial.count", pilot.transfer, "t", 10, **serials(1, 11))
    refused("serial.range", pilot.transfer, "t", 1, **serials(0, 0))
    refused("serial.range", pilot.transfer, "t", 1, **serials(3, 2))
    refused("serial.elsewhere", pilot.transfer, "t", 10, **serials(200, 209))
    refused("serial.elsewhere", pilot.transfer, "t", 1, **serials(213, 213))
    pilot.transfer("t1", 10, **serials(50, 59))
    refused("serial.elsewhere", pilot.transfer, "t2", 1, **serials(55, 55))
    (told,) = pilot.settle()
    assert told["effect"]["serials"] == [{"first": "50", "last": "59"}]
    refused("serial.elsewhere", pilot.transfer, "t2", 1, **serials(55, 55))
    (held,) = pilot.registry.credits.holdings("zhuan")
    assert held["serials"] == [
        "HD-000000000001–HD-000000000049",
        "HD-000000000060–HD-000000000201",
    ]


# --- ten minutes ----------------------------------------------------------------------------------


def test_ten_minutes_to_take_it_back_then_it_is_final(pilot):
    """U7: at 9:59 it can be undone; at 10:00 it takes effect, and only then."""
    told = pilot.transfer("t1", 50)
    assert told["due_at"] == "2026-11-30T12:10:00+08:00"
    assert free(pilot, "zhuan") == 151
    pilot.clock.at = at("2026-11-30T12:09:59")
    assert pilot.registry.settle() == []
    refused("decision.signature", pilot.registry.undo, "t1", pilot.key("gina"))
    assert pilot.registry.undo("t1", pilot.key("otto"))["state"] == "undone"
    assert (free(pilot, "zhuan"), free(pilot, "green")) == (201, 0)
    pilot.transfer("t1", 50)
    pilot.clock.at = at("2026-11-30T12:19:59")
    refused("decision.final", pilot.registry.undo, "t1", pilot.key("otto"))
    (told,) = pilot.registry.settle()
    assert told["effect"]["serials"] == [{"first": "1", "last": "50"}]
    refused("decision.unknown", pilot.registry.undo, "t1", pilot.key("otto"))
    assert pilot.transfer("t1", 50) == told, "the same call is told the same"
    assert (free(pilot, "zhuan"), free(pilot, "green")) == (151, 50)


def test_retired_is_for_ever(pilot):
    """S6: a retired serial is nobody's to give; its public look-up says so."""
    pilot.retire("r", "zhuan", ASSET, 20, "A.", "event", pilot.keys("otto"))
    refused("certificate.unknown", pilot.registry.papers.certificate, "r", "en")
    pilot.settle()
    refused("certificate.pending", pilot.registry.papers.certificate, "r", "en")
    assert pilot.registry.credits.lookup(1)["account"] == "retired"
    refused("serial.elsewhere", pilot.transfer, "t", 1, **serials(20, 20))
    refused("serial.elsewhere", cancel, pilot, "c", 20, **serials(1, 20))
    cancel(pilot, "c", 1)
    pilot.settle()
    assert pilot.registry.credits.lookup(21)["account"] == "cancelled"


# --- frozen ---------------------------------------------------------------------------------------


def test_one_person_freezes_and_two_unfreeze(pilot):
    """S5: nothing leaves, nothing enters, and what was under way waits with its amount held."""
    refused("holding.not_frozen", pilot.decide, "unfreeze", "zhuan/1", FROZEN, "anne")
    pilot.transfer("t1", 50)
    refused("decision.role", pilot.decide, "freeze", "zhuan/1", FROZEN, "otto")
    refused("decision.id", pilot.decide, "freeze", "zhuan/2", FROZEN, "anne")
    pilot.decide("freeze", "zhuan/1", FROZEN, "anne")
    refused("holding.frozen", pilot.decide, "freeze", "zhuan/2", FROZEN, "anne")
    refused("holding.frozen", pilot.transfer, "t2", 1)
    refused("holding.frozen", cancel, pilot, "c", 1)
    (told,) = pilot.settle()
    assert (told["state"], told["reason"]) == ("due", "holding.frozen")
    refused("decision.final", pilot.registry.undo, "t1", pilot.key("otto"))
    assert (free(pilot, "zhuan"), free(pilot, "green")) == (151, 0)
    assert pilot.decide("unfreeze", "zhuan/1", FROZEN, "anne")["state"] == "waiting"
    pilot.decide("unfreeze", "zhuan/1", FROZEN, "bert")
    (told,) = pilot.registry.settle()
    assert told["state"] == "done"
    assert (free(pilot, "zhuan"), free(pilot, "green")) == (151, 50)


def test_a_frozen_holder_is_given_nothing(pilot):
    """A transfer to it does not begin, and one under way does not end."""
    pilot.transfer("t1", 5)
    pilot.decide("freeze", "green/1", {"holder": "green", "reason": "asked"}, "anne")
    refused("holding.frozen", pilot.transfer, "t2", 5)
    assert [told["reason"] for told in pilot.settle()] == ["holding.frozen"]


# --- at once --------------------------------------------------------------------------------------


def at_once(count: int, act) -> list[object]:
    """What so many threads are told, each its own call."""
    told: list[object] = []
    start = threading.Barrier(count)

    def one(number: int) -> None:
        start.wait(30)
        try:
            told.append(act(number))
        except CarbonError as error:
            told.append(error.code)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def patiently(act, *arguments):
    """Again while another one was faster: what a client does (R4)."""
    while True:
        try:
            return act(*arguments)
        except CarbonError as error:
            if error.code != "store.raced":
                raise


def test_fifty_transfers_of_one_balance_overdraw_nothing(pilot):
    """R2: 201 credits are twenty tens; thirty of fifty are refused."""
    told = at_once(50, lambda n: patiently(pilot.transfer, f"t{n}", 10)["state"])
    assert (told.count("due"), told.count("ledger.insufficient")) == (20, 30)
    assert free(pilot, "zhuan") == 1
    assert [answer["state"] for answer in pilot.settle()] == ["done"] * 20
    assert (free(pilot, "zhuan"), free(pilot, "green")) == (1, 200)


def test_a_hundred_equal_calls_are_one(pilot):
    """R2: one effect, and everybody is told the same."""
    told = at_once(100, lambda _: patiently(pilot.transfer, "t", 10)["digest"])
    assert len(set(map(str, told))) == 1
    assert free(pilot, "zhuan") == 191
    settled = at_once(4, lambda _: len(patiently(pilot.settle)))
    assert free(pilot, "green") == 10, settled
