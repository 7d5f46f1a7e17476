"""Nobody changes a fact: bypasses as the application and as raw SQL, on both engines."""

from __future__ import annotations

import pytest

from carbon.adapters.store.tables import MAX_BODY_BYTES
from store_rows import PARTY_TABLES, TABLES, RefusedError, fill, raw, refuses_every_bypass

ON_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)


def refused(connection, statement, *values):
    with pytest.raises(RefusedError):
        connection.run(statement, values)


def test_the_application_changes_no_fact(home):
    fill(home)
    with raw(home) as connection:
        refuses_every_bypass(connection)


@ON_SQLITE
def test_nor_with_recursive_triggers(home):
    """The application's own setting; the bypasses above run without it."""
    fill(home)
    with raw(home, pragma="PRAGMA recursive_triggers = ON") as connection:
        refuses_every_bypass(connection)


@ON_POSTGRESQL
def test_the_owner_changes_no_fact_either(home):
    fill(home)
    with raw(home, owner=True) as connection:
        refuses_every_bypass(connection)


@ON_POSTGRESQL
def test_not_even_as_a_replica(home):
    """Ordinary triggers do not fire in a replica's session; only a superuser can ask for one."""
    fill(home)
    with raw(home) as connection:
        refused(connection, "SET session_replication_role = replica")
    with raw(home, owner=True) as connection:
        connection.run("SET session_replication_role = replica")
        refuses_every_bypass(connection)


@ON_POSTGRESQL
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {0} DISABLE TRIGGER ALL",
        "ALTER TABLE {0} DISABLE TRIGGER refuse_update",
        "ALTER TABLE {0} ENABLE REPLICA TRIGGER refuse_update",
        "DROP TRIGGER refuse_update ON {0}",
        "DROP TABLE {0} CASCADE",
        "ALTER TABLE {0} ADD COLUMN more text",
        "ALTER TABLE {0} OWNER TO application",
        "CREATE RULE quiet AS ON INSERT TO {0} DO INSTEAD NOTHING",
        "CREATE TRIGGER quiet BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION carbon_refuse()",
    ],
)
def test_the_application_has_no_right_to_the_guards(home, statement):
    with raw(home) as connection:
        for table in [*connection.facts(), *connection.partitions()]:
            with pytest.raises(RefusedError, match=r"owner|permission"):
                connection.run(statement.format(table))
        for other in (
            "CREATE OR REPLACE FUNCTION carbon_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "DROP FUNCTION carbon_refuse() CASCADE",
            "ALTER TABLE activity DETACH PARTITION activity_2026",
            "CREATE TABLE public.activity_1980 PARTITION OF activity FOR VALUES FROM ('1980-01-01') TO ('1981-01-01')",
            "UPDATE alembic_version SET version_num = '0000'",
            "SELECT setval('fact_seq_seq', 1)",
        ):
            refused(connection, other)


@ON_POSTGRESQL
def test_a_partition_takes_no_row_directly(home):
    fill(home)
    with raw(home) as connection:
        for name in connection.partitions():
            refused(connection, f"INSERT INTO {name} SELECT * FROM {name}")


def test_a_leaf_is_placed_once_and_alone(home):
    with raw(home) as connection:
        connection.insert("fact", key="a")
        connection.insert("fact", key="b")
        refused(connection, "UPDATE fact SET leaf_index = 0, answer = 'x' WHERE key = 'a'")
        refused(connection, "UPDATE fact SET leaf_index = 0, body = body || body WHERE key = 'a'")
        refused(connection, "UPDATE fact SET leaf_index = -1 WHERE key = 'a'")
        refused(connection, "UPDATE fact SET leaf_index = NULL WHERE key = 'a'")
        connection.run("UPDATE fact SET leaf_index = 0 WHERE key = 'a'")
        placed = connection.everything()
        for index in ("0", "1", "NULL", "leaf_index"):
            refused(connection, f"UPDATE fact SET leaf_index = {index} WHERE key = 'a'")
        refused(connection, "UPDATE fact SET leaf_index = 0 WHERE key = 'b'")
        assert connection.everything() == placed


@ON_SQLITE
@pytest.mark.parametrize("setting", ["OFF", "ON"])
def test_a_placed_leaf_is_not_pushed_out(home, setting):
    """``UPDATE OR REPLACE`` deletes whatever is in its way, unseen by triggers on DELETE."""
    with raw(home, pragma=f"PRAGMA recursive_triggers = {setting}") as connection:
        connection.insert("fact", key="a")
        connection.insert("fact", key="b")
        connection.run("UPDATE fact SET leaf_index = 0 WHERE key = 'a'")
        before = connection.everything()
        refused(connection, "UPDATE OR REPLACE fact SET leaf_index = 0 WHERE key = 'b'")
        assert connection.everything() == before


@ON_SQLITE
def test_a_row_is_not_pushed_out_by_its_number(home):
    """A hidden row number is a key too: ``REPLACE`` with one deletes what has it."""
    fill(home)
    with raw(home) as connection:
        before = connection.everything()
        for table in connection.facts():
            if not TABLES[table].dialect_options["sqlite"]["with_rowid"]:
                continue
            key = connection.changed_key(table)
            with pytest.raises(RefusedError):
                connection.insert(table, "REPLACE", rowid=1, **key)
        assert connection.everything() == before


def test_a_leaf_fits_into_an_entry_bundle(home):
    with raw(home) as connection:
        connection.insert("fact", key="longest", body=b"x" * MAX_BODY_BYTES)
        for body in (b"x" * (MAX_BODY_BYTES + 1), b"", None):
            with pytest.raises(RefusedError):
                connection.insert("fact", key="other", body=body)
        assert len(connection.rows("fact")) == 1


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        ("fact", {"leaf_index": -1}),
        ("fact", {"leaf_index": "x"}),
        ("checkpoint", {"size": -1, "previous": -2}),
        ("checkpoint", {"size": 0}),
        ("checkpoint", {"size": 1, "previous": 1}),
        ("life_entry", {"left_over": -1e-9}),
        ("life_entry", {"granted": "x"}),
        ("quantity", {"er_g": 5}),
        ("quantity", {"be_g": None}),
        ("activity", {"occurred_on": None}),
        ("claim", {"record_key": None}),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(home, table, changes):
    with raw(home) as connection:
        with pytest.raises(RefusedError):
            connection.insert(table, **changes)
        assert connection.rows(table) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("fact", "leaf_index"),
        ("quantity", "er_g"),
        ("activity", "quantity"),
        ("checkpoint", "size"),
        ("life_entry", "ordinal"),
    ],
)
def test_a_fraction_is_no_integer(home, table, column):
    """STRICT tables; PostgreSQL rounds a literal and refuses the text ``1.5``."""
    with raw(home) as connection, pytest.raises(RefusedError):
        connection.insert(table, **{column: 1.5})


def test_one_checkpoint_follows_another(home):
    with raw(home) as connection:
        connection.insert("checkpoint", size=5, previous=0)
        with pytest.raises(RefusedError):
            connection.insert("checkpoint", size=6, previous=0)
        with pytest.raises(RefusedError):
            connection.insert("checkpoint", size=5, previous=4)
        connection.insert("checkpoint", size=6, previous=5)
        assert len(connection.rows("checkpoint")) == 2


#: A column to change, of parties that hold nothing sealed.
_CHANGED = {
    "holding": "hold",
    "waiting": "private",
    "certificate": "private",
    "opened": "person",
    "consent": "version",
    "job_run": "code",
    "mapping": "mapping",
    "upload": "name",
    "principal": "asked",
    "password": "hash",
    "enrolment": "digest",
    "external_subject": "subject",
    "session": "origin",
    "one_time_code": "digest",
    "attempt": "subject",
    "seen_nonce": "nonce",
    "external_sign_in": "verifier",
}


def test_parties_can_be_changed_and_erased(home):
    fill(home)
    with raw(home) as connection:
        for table in reversed(PARTY_TABLES):  # what goes with another row is looked at first
            column = _CHANGED.get(table, "sealed")
            other = "other" if table in _CHANGED else b"other"
            connection.run(f"UPDATE {table} SET {column} = ?", [other])
            assert any(other in r for r in connection.rows(table)), table
            connection.run(f"DELETE FROM {table}")
            assert connection.rows(table) == []


@pytest.mark.parametrize("owner", [False, True])
def test_a_security_event_stays_until_it_is_old(home, owner):
    """184 days by the database's clock, whatever the application thinks the time is (TRUST S14)."""
    old = "2020-01-01T00:00:00.000000+00:00"
    with raw(home, owner=owner) as connection:
        connection.insert("security_event", event="young")
        connection.insert("security_event", event="old", at=old)
        refused(connection, "UPDATE security_event SET outcome = 'refused'")
        refused(connection, "DELETE FROM security_event")
        refused(connection, "DELETE FROM security_event WHERE event = 'young'")
        connection.run("DELETE FROM security_event WHERE event = 'old'")
        assert [row[3] for row in connection.rows("security_event")] == ["young"]


def test_an_account_acts_with_the_permit_of_two_people_only(home):
    """TRUST S4: enforced by the database, after each freeze anew; a resident needs none."""
    sound = {"principal": "a", "role": "issuer", "organisation": "o", "number": 0}
    account = {"id": "a", "role": "issuer", "organisation": "o", "freezes": 0, "permit": None}
    with raw(home) as connection:
        if connection.is_sqlite:
            connection.run("PRAGMA foreign_keys = ON")
        for changes in (
            {"status": "active"},
            {"status": "active", "permit": 0},
            {"status": "active", "role": "resident", "freezes": 1},
        ):
            with pytest.raises(RefusedError):
                connection.insert("principal", **account | changes)
        with pytest.raises(RefusedError):
            connection.insert("permit", **sound, first="same", second="same")
        connection.insert("permit", **sound, first="one", second="other")
        connection.insert("principal", **account | {"status": "active", "permit": 0})
        refused(connection, "UPDATE principal SET role = 'operator'")
        refused(connection, "UPDATE principal SET organisation = 'another'")
        connection.run("UPDATE principal SET status = 'frozen', freezes = 1")
        refused(connection, "UPDATE principal SET status = 'active'")
        refused(connection, "UPDATE principal SET status = 'active', permit = 1")
        refused(connection, "UPDATE permit SET number = 1")
        connection.insert("permit", **sound | {"number": 1}, first="other", second="third")
        connection.run("UPDATE principal SET status = 'active', permit = 1")
        connection.insert(
            "principal", **account | {"id": "r", "status": "active", "role": "resident"}
        )
