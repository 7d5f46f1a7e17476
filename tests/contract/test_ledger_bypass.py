"""Nobody cheats the ledger with raw SQL, as the application or as the owner, on both engines.

What changes or deletes rows is refused for every table of facts in `test_guards`; here are the ways
that would only add, or would move a counter.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from carbon.adapters.store import schema
from carbon.adapters.store import tables as t
from carbon.adapters.store.holds import place_holds
from ledgers import AT, GONE, ISSUER, POINTS, Books, hold, journal, move
from store_rows import AT as ROW_AT
from store_rows import RefusedError, raw

LATER = AT + timedelta(hours=1)
ON_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)


@pytest.fixture
def books(home):
    """Ledger of `home`: 100 points at a, 30 of them held, 5 retired."""
    made = Books(home)
    made.post(journal("give", move(ISSUER, "a", 105)), journal("gone", move("a", GONE, 5)))
    made.within(lambda c: place_holds(c, [hold("h", "a", "b", 30, LATER)], AT))
    yield made
    assert made.amounts() == {ISSUER: -105, GONE: 5, "a": 100, "b": 0, "c": 0}
    assert made.held() == {"a": 30}
    # A journal without lines moves nothing, and is found.
    has_lines = sa.exists().where(t.transfer.c.journal == t.journal.c.id)
    headless = made.count(sa.select(t.journal).where(~has_lines).subquery())
    assert [rule.value for rule in made.broken()] == ["I5"] * bool(headless)
    made.close()


@pytest.fixture(params=["application", "owner"])
def connection(request, home, books):
    with raw(home, owner=request.param == "owner") as opened:
        yield opened


def number(connection, code, asset=POINTS):
    query = (
        "SELECT a.id FROM account a JOIN asset s ON s.id = a.asset WHERE a.code = ? AND s.code = ?"
    )
    return connection.run(query, [code, asset])[0][0]


def refused(act, *arguments, **changes):
    with pytest.raises(RefusedError):
        act(*arguments, **changes)


def head(connection, lines=1):
    """A journal without lines yet; its number."""
    connection.insert("journal", id=10_000 + lines, key=f"raw {lines}", lines=lines)
    return 10_000 + lines


def line(connection, journal_, giver, getter, amount, **changes):
    """A transfer by codes."""
    sides = {"dr": number(connection, giver), "cr": number(connection, getter)}
    connection.insert("transfer", **{"journal": journal_, "amount": amount} | sides | changes)


@pytest.mark.parametrize(
    "change",
    [
        "credits = credits + 1",
        "debits = 0",
        "held = 0",
        "held = held - 30",
        "credits = credits + 5, debits = debits + 5",
        "last_journal = last_journal + 1, credits = credits + 100",
        "last_journal = 0",
        "policy = 'source'",
        "asset = 2",
        "code = 'z'",
    ],
)
def test_no_counter_and_nothing_else_of_an_account_changes_by_hand(connection, change):
    refused(connection.run, f"UPDATE account SET {change} WHERE code = 'a'")


def test_an_account_opens_empty(connection):
    for counter in ("debits", "credits", "held", "last_journal"):
        refused(connection.insert, "account", id=99, code="rich", **{counter: 5})
    refused(connection.insert, "account", id=99, code="odd", policy="anything")


@pytest.mark.parametrize("amount", [0, -1, "9223372036854775808", "1.5", "x", None])
def test_an_amount_is_a_positive_integer(connection, amount):
    made = head(connection)
    refused(line, connection, made, ISSUER, "a", amount)


def test_an_overdraft_is_refused_whoever_asks(connection):
    made = head(connection)
    refused(line, connection, made, "a", "b", 71)
    refused(line, connection, made, "b", "a", 1)
    refused(line, connection, made, GONE, "a", 1)


def test_both_sides_are_two_accounts_of_one_asset(connection):
    made = head(connection)
    other = number(connection, "a", "fen")
    refused(line, connection, made, ISSUER, "a", 1, cr=other)
    refused(line, connection, made, ISSUER, "a", 1, asset=2)
    refused(line, connection, made, ISSUER, ISSUER, 1)
    refused(line, connection, made, ISSUER, "a", 1, cr=99_999)


def test_no_line_is_added_to_a_journal_that_is_there(connection):
    posted = connection.run("SELECT id FROM journal WHERE key = 'give'")[0][0]
    for number_ in (0, 1, -1):
        refused(line, connection, posted, ISSUER, "a", 1, line=number_)
    refused(line, connection, 77_777, ISSUER, "a", 1)
    made = head(connection, lines=2)
    refused(line, connection, made, ISSUER, "a", 1, line=1)


def test_a_key_stands_once(connection):
    refused(connection.insert, "journal", id=50, key="give")
    refused(connection.insert, "journal", id=50, key="none", lines=0)
    refused(connection.insert, "journal", id=50, key="none", lines=1_001)
    refused(
        connection.insert,
        "hold",
        id=50,
        key="h",
        dr=number(connection, "a"),
        cr=number(connection, "b"),
    )


def test_a_reversal_that_mirrors_nothing_is_refused(connection):
    give, gone = (
        connection.run("SELECT id FROM journal WHERE key = ?", [k])[0][0] for k in ("give", "gone")
    )
    for mine, other in ((gone, give), (give, give), (give, 77_777), (77_777, give)):
        refused(connection.insert, "reversal", journal=mine, reverses=other)


def test_a_hold_takes_no_more_than_there_is(connection):
    sides = {"dr": number(connection, "a"), "cr": number(connection, "b")}
    refused(connection.insert, "hold", id=50, key="much", amount=71, **sides)
    refused(connection.insert, "hold", id=50, key="none", amount=0, **sides)
    refused(connection.insert, "hold", id=50, key="less", amount=-5, **sides)
    refused(
        connection.insert,
        "hold",
        id=50,
        key="sink",
        amount=1,
        **sides | {"dr": number(connection, GONE)},
    )
    refused(
        connection.insert,
        "hold",
        id=50,
        key="foreign",
        amount=1,
        **sides | {"cr": number(connection, "a", "fen")},
    )


def test_a_hold_ends_in_time_and_with_its_journal(connection):
    mine = connection.run("SELECT id FROM hold WHERE key = 'h'")[0][0]
    late = ROW_AT.replace("2026", "2027")
    refused(connection.insert, "hold_end", hold=mine, outcome="posted", journal=None)
    refused(
        connection.insert, "hold_end", hold=mine, outcome="posted", journal="give", recorded_at=late
    )
    refused(connection.insert, "hold_end", hold=mine, outcome="voided", journal="give")
    refused(connection.insert, "hold_end", hold=mine, outcome="expired", journal=None)
    refused(connection.insert, "hold_end", hold=mine, outcome="lost", journal=None)


@ON_SQLITE
def test_a_journal_that_is_not_complete_moves_no_counter(home, books):
    """Its one line, and the account told that it counts: the guard wants the whole journal."""
    with raw(home) as connection:
        made = head(connection, lines=2)
        try:
            line(connection, made, ISSUER, "b", 40)
            for code in ("b", ISSUER):
                refused(
                    connection.run,
                    "UPDATE account SET credits = credits + 40, last_journal = ? WHERE code = ?",
                    [made, code],
                )
            assert [rule.value for rule in books.broken()] == ["I2", "I5"], "and it is found"
        finally:
            line(connection, made, "b", ISSUER, 40, line=1)


@ON_POSTGRESQL
def test_what_posts_is_no_tool_for_others(home, books):
    """A table of one's own with the ledger's trigger on it would post what it likes."""
    with raw(home) as connection:
        connection.run("CREATE TEMP TABLE mine (LIKE transfer)")
        connection.run(
            "CREATE TRIGGER post AFTER INSERT ON mine REFERENCING NEW TABLE AS added "
            "FOR EACH STATEMENT EXECUTE FUNCTION carbon_post()"
        )
        refused(connection.run, "INSERT INTO mine SELECT * FROM transfer")
        refused(connection.run, "SELECT carbon_post()")


@ON_POSTGRESQL
def test_the_applications_role_has_no_right_to_an_account(home, books):
    with raw(home) as connection:
        for statement in (
            "UPDATE account SET credits = 0",
            "INSERT INTO account SELECT * FROM account ON CONFLICT (id) DO UPDATE SET credits = 9",
            "SELECT * FROM account FOR UPDATE",
        ):
            with pytest.raises(RefusedError, match="permission denied"):
                connection.run(statement)


@ON_POSTGRESQL
def test_a_replica_posts_too(home, books):
    """Triggers that post fire always; without them counters would stand still."""
    with raw(home, owner=True) as connection:
        connection.run("SET session_replication_role = replica")
        made = head(connection)
        refused(line, connection, made, "a", "b", 71)
        refused(connection.run, "UPDATE account SET credits = 0")


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("transfer", "DROP TRIGGER post ON transfer"),
        ("hold", "ALTER TABLE hold DISABLE TRIGGER post"),
        ("hold_end", "ALTER TABLE hold_end ENABLE TRIGGER post"),
        ("reversal", "DROP TRIGGER mirror ON reversal"),
        ("account", "DROP TRIGGER open_empty ON account"),
        (
            "account",
            "DROP TRIGGER refuse_update ON account; CREATE TRIGGER refuse_update BEFORE UPDATE ON account FOR EACH ROW WHEN (false) EXECUTE FUNCTION carbon_refuse(); ALTER TABLE account ENABLE ALWAYS TRIGGER refuse_update",
        ),
    ],
)
def test_a_posting_trigger_that_is_gone_is_named(home, table, statement):
    with raw(home, owner=True) as connection:
        for part in statement.split("; "):
            connection.run(part)
    books = Books(home)
    with books.database.read() as connection:
        (fault,) = schema.faults(connection)
    books.close()
    assert (fault.code, fault.values["tables"]) == ("store.unguarded", table)


@ON_SQLITE
@pytest.mark.parametrize(
    "trigger",
    [
        "account_open",
        "transfer_sides",
        "transfer_lines",
        "transfer_post",
        "transfer_post_many",
        "reversal_mirror",
        "hold_sides",
        "hold_post",
        "hold_end_time",
        "hold_end_post",
    ],
)
def test_a_posting_trigger_of_sqlite_that_is_gone_is_named(home, trigger):
    with raw(home) as connection:
        connection.run(f"DROP TRIGGER {trigger}")
    books = Books(home)
    with books.database.read() as connection:
        (fault,) = schema.faults(connection)
    books.close()
    assert fault.values["tables"] == trigger.removesuffix("_many").rpartition("_")[0]
