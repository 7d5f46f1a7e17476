"""What the database refuses by itself: one signer, the verifier, overlaps, broken chains (S4, S6)."""

from __future__ import annotations

import pytest

from store_rows import RefusedError, fill, raw

FIRST = {"part": 0, "previous": None, "from_leaf": 0, "to_leaf": 5}


@pytest.fixture
def database(home):
    """A raw connection as the application, with facts and decisions to refer to."""
    # SQLite checks references for who asks for it, as the application does.
    with raw(home, pragma="PRAGMA foreign_keys = ON") as connection:
        for number in range(1, 6):
            connection.insert("fact", key=f"f{number}")
            connection.insert("decision", fact_seq=number, id=f"d{number}")
        yield connection


def refused(connection, table, **changes):
    before = connection.rows(table)
    with pytest.raises(RefusedError):
        connection.insert(table, **changes)
    assert connection.rows(table) == before


def decided(connection, **changes):
    """A sixth decision."""
    if not connection.run("SELECT 1 FROM fact WHERE key = 'f6'"):
        connection.insert("fact", key="f6")
    return {"table": "decision", "fact_seq": 6, "id": "d6", **changes}


@pytest.mark.parametrize("kind", ["issuance", "restatement", "member", "unfreeze", "filing"])
def test_two_different_people_sign(database, kind):
    """Decision 14: not one, and not the same one twice."""
    independent = {"verifier": "v", "reviewer": "r"}
    refused(database, **decided(database, kind=kind, second=None, **independent))
    refused(database, **decided(database, kind=kind, first="a", second="a", **independent))
    made = decided(database, kind=kind, first="a", second="b", **independent)
    database.insert(made.pop("table"), **made)


@pytest.mark.parametrize(
    "changes",
    [
        {"verifier": "a"},
        {"verifier": "b"},
        {"reviewer": "a"},
        {"reviewer": "b"},
        {"verifier": None},
        {"reviewer": None},
    ],
)
def test_nobody_issues_on_what_they_verified(database, changes):
    """V5: verifier and reviewer are named, and neither signs."""
    sound = {"kind": "issuance", "first": "a", "second": "b", "verifier": "v", "reviewer": "r"}
    refused(database, **decided(database, **(sound | changes)))


def test_one_decision_has_one_id(database):
    """Ids are taken for ever."""
    refused(database, **decided(database, id="d1"))


@pytest.mark.parametrize("table", ["block", "holding"])
@pytest.mark.parametrize(("first", "last"), [(5, 5), (1, 10), (9, 12), (1, 1), (10, 10), (0, 0)])
def test_serials_never_overlap(database, table, first, last):
    """S6: inside, around, at either end; and no serial below one."""
    database.insert(table, first=1, last=10)
    other = {"fact_seq": 2} if table == "block" else {}
    refused(database, table, first=first, last=last, **other)
    refused(database, table, first=12, last=11, **other)
    database.insert(table, first=11, last=12, **other)


def test_a_holding_is_not_stretched_over_another_one(database):
    """Rows of holdings change hands; their serials do not move under anybody else."""
    database.insert("holding", first=1, last=10)
    database.insert("holding", first=11, last=20)
    for statement in (
        "UPDATE holding SET last = 11 WHERE first = 1",
        "UPDATE holding SET first = 10 WHERE first = 11",
    ):
        with pytest.raises(RefusedError):
            database.run(statement)
    database.run("UPDATE holding SET account = 'other' WHERE first = 1")


def test_leaves_are_issued_once(database):
    """A record feeds one issuance: each part begins where the last one ended, and has one heir."""
    database.insert("issued", fact_seq=1, **FIRST)
    for changes in (
        FIRST,  # the first part again
        FIRST | {"part": 1},  # from the beginning again
        {"part": 1, "previous": 0, "from_leaf": 4, "to_leaf": 9},  # one leaf twice
        {"part": 1, "previous": 0, "from_leaf": 6, "to_leaf": 9},  # one leaf skipped
        {"part": 1, "previous": 0, "from_leaf": 5, "to_leaf": 5},  # nothing
        {"part": 1, "previous": None, "from_leaf": 5, "to_leaf": 9},  # after nobody
        {"part": 1, "previous": 1, "from_leaf": 5, "to_leaf": 9},  # after itself
    ):
        refused(database, "issued", fact_seq=2, **changes)
    database.insert("issued", fact_seq=2, part=1, previous=0, from_leaf=5, to_leaf=9)
    refused(database, "issued", fact_seq=3, part=2, previous=0, from_leaf=5, to_leaf=12)
    database.insert("issued", fact_seq=3, part=2, previous=1, from_leaf=9, to_leaf=12)


@pytest.mark.parametrize("table", ["decision", "issued", "block", "opened"])
def test_what_was_decided_is_sealed(home, table):
    """Neither changed nor removed, by the application or by the owner."""
    fill(home)
    for owner in (False, True):
        with raw(home, owner=owner) as connection:
            before = connection.rows(table)
            assert before
            for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {KEYS[table]}"):
                with pytest.raises(RefusedError):
                    connection.run(statement)
            assert connection.rows(table) == before


KEYS = {
    "decision": "first = 'x'",
    "issued": "to_leaf = 99",
    "block": "last = last + 1",
    "opened": "person = 'x'",
}
