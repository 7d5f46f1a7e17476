"""Records in one transaction: what fails for several harms only whoever caused it."""

from __future__ import annotations

import pytest

from carbon.domain.errors import CarbonError
from carbon.ports.recording import RECORD, Single
from carbon.services import record
from carbon.services.record import record_each


def single(name, methodology="HD-REUSE"):
    return Single(RECORD, name, name, "digest", "source", {}, methodology)


@pytest.fixture
def groups(monkeypatch):
    """The groups that were tried; whoever is called something with a dot fails so."""
    tried = []

    def answer(_, singles):
        tried.append([one.named for one in singles])
        for one in singles:
            if one.named == "bug":
                raise ZeroDivisionError
            if "." in one.named:
                raise CarbonError(one.named.partition("!")[0], reason="x")
        return [{"id": one.named} for one in singles]

    monkeypatch.setattr(record, "_answer", answer)
    monkeypatch.setattr("carbon.services.attempts.WAIT", 0)
    return tried


def told(names):
    """What records are told, errors as their codes."""
    return [
        getattr(one, "code", type(one).__name__) if isinstance(one, Exception) else one["id"]
        for one in record_each(None, [single(name) for name in names])
    ]


def test_all_are_answered_by_one_transaction(groups):
    assert told(["a", "b", "c"]) == ["a", "b", "c"]
    assert groups == [["a", "b", "c"]]


def test_one_that_fails_fails_alone(groups):
    assert told(["a", "bug", "store.raced", "b"]) == ["a", "ZeroDivisionError", "store.raced", "b"]
    # All at once; then each by itself, and the one that was raced six times in all.
    assert groups.count(["store.raced"]) == 6
    assert [len(group) for group in groups] == [4, 1, 1, *[1] * 6, 1]


def test_each_methodology_is_a_group_and_answers_keep_their_places(groups):
    singles = [single(n, m) for n, m in (("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"))]
    assert [one["id"] for one in record_each(None, singles)] == ["a", "b", "c", "d"]
    assert groups == [["a", "c"], ["b", "d"]]


def test_a_store_that_is_gone_is_looked_for_twice_and_no_more(groups):
    names = ["store.unavailable!1", *(f"store.unavailable!{n}" for n in range(2, 300))]
    assert told(names) == ["store.unavailable"] * 299
    assert len(groups) == 3


def test_one_record_that_the_store_refuses_takes_nobody_with_it(groups):
    assert told(["a", "store.unavailable", "b", "c"]) == ["a", "store.unavailable", "b", "c"]
