"""Group commit: many callers, one transaction, an answer for each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from carbon.domain.errors import CarbonError
from carbon.ports.ledger import MAX_BATCH, Answer
from carbon.services import post
from carbon.services.post import group_commit
from ledgers import journal, move


class Counting:
    """A poster that keeps the batches it got; refuses keys that begin with ``no``."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, journals):
        self.gate.wait()
        self.batches.append([j.key for j in journals])
        if any(j.key == "bad" for j in journals):
            raise CarbonError("store.unavailable", reason="gone")
        wrong = CarbonError("ledger.unknown", what="x")
        return [Answer(j.key, error=wrong if j.key.startswith("no") else None) for j in journals]


def item(key):
    return journal(key, move("a", "b", 1))


def test_everybody_gets_their_own_answer_from_few_transactions():
    poster = Counting()
    with group_commit(poster) as group, ThreadPoolExecutor(16) as pool:
        names = [f"{'no' if n % 7 == 0 else 'k'}{n}" for n in range(2_500)]
        futures = list(pool.map(lambda name: group.hand(item(name)), names))
        answers = [future.result() for future in futures]
    assert [a.key for a in answers] == names
    assert [a.error is not None for a in answers] == [n.startswith("no") for n in names]
    assert max(map(len, poster.batches)) <= MAX_BATCH
    assert sum(map(len, poster.batches)) == 2_500
    assert len(poster.batches) < 250


def test_what_waits_while_a_transaction_runs_is_the_next_one():
    poster = Counting()
    poster.gate.clear()
    with group_commit(poster) as group:
        first = group.hand(item("first"))
        while not first.running():
            pass
        others = [group.hand(item(f"k{n}")) for n in range(MAX_BATCH + 5)]
        poster.gate.set()
        wait([first, *others])
    assert [len(b) for b in poster.batches] == [1, MAX_BATCH, 5]


def test_a_fault_of_the_store_is_told_to_all_of_its_batch_and_work_goes_on():
    poster = Counting()
    with group_commit(poster) as group:
        with pytest.raises(CarbonError, match=r"store.unavailable"):
            group.hand(item("bad")).result()
        assert group.hand(item("k")).result() == Answer("k")


def test_the_queue_has_a_limit_and_an_end(monkeypatch):
    monkeypatch.setattr(post, "MAX_WAITING", 3)
    poster = Counting()
    poster.gate.clear()
    group = group_commit(poster)
    first = group.hand(item("first"))
    while not first.running():
        pass
    futures = [group.hand(item(f"k{n}")) for n in range(3)]
    with pytest.raises(CarbonError, match=r"ledger.busy"):
        group.hand(item("one too many"))
    poster.gate.set()
    group.close()
    assert all(f.result().error is None for f in (first, *futures)), "all that was taken is posted"
    with pytest.raises(CarbonError, match=r"ledger.busy"):
        group.hand(item("late"))
    group.close()


def test_who_gave_up_in_time_is_not_posted():
    poster = Counting()
    poster.gate.clear()
    with group_commit(poster) as group:
        first = group.hand(item("first"))
        while not first.running():
            pass
        assert group.hand(item("gone")).cancel()
        kept = group.hand(item("kept"))
        poster.gate.set()
        kept.result()
    assert poster.batches == [["first"], ["kept"]]
