"""The schema's life on both engines: from nothing, from an older revision full of facts."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from carbon.adapters.store import schema
from carbon.adapters.store.database import Database
from carbon.adapters.store.tables import PARENTS, metadata
from carbon.bootstrap.system import STORE_KEY, System
from carbon.domain.errors import CarbonError
from conftest import FixedClock
from store_rows import FACT_TABLES, TABLES, fill, raw, refuses_every_bypass

ON_SQLITE = pytest.mark.parametrize("home", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("home", ["postgresql"], indirect=True)


@contextmanager
def connected(url):
    with closing(Database(url)) as database, database.read() as connection:
        yield connection


def faults(settings):
    with connected(settings.database) as connection:
        return [fault.say("en") for fault in schema.faults(connection)]


def migrations():
    config = Config()
    config.set_main_option("script_location", "carbon.adapters.store:migrations")
    return ScriptDirectory.from_config(config)


def test_the_program_works_with_the_last_migration():
    assert schema.head() == migrations().get_current_head()


def test_from_nothing_to_the_current_revision(empty_home):
    system = System(empty_home, FixedClock())
    with pytest.raises(CarbonError, match=re.escape("store.outdated")):
        _ = system.database
    assert system.upgrade() == schema.head()
    assert (empty_home.keys / STORE_KEY).is_file()
    assert faults(empty_home) == []
    with raw(empty_home) as connection:
        assert set(TABLES) == {t for t in TABLES if connection.has(t)}
    before = (empty_home.keys / STORE_KEY).read_bytes()
    assert system.upgrade() == schema.head(), "a second time changes nothing"
    assert (empty_home.keys / STORE_KEY).read_bytes() == before
    assert faults(empty_home) == []


def test_facts_of_the_first_revision_pass_unchanged(empty_home):
    system = System(empty_home, FixedClock())
    system.upgrade("0001")
    with raw(empty_home) as connection:
        assert not connection.has("checkpoint")
    with pytest.raises(CarbonError, match=re.escape("store.outdated")):
        _ = system.database
    fill(empty_home)
    with raw(empty_home) as connection:
        older = connection.everything()
        columns = {table: len(connection.columns(table)) for table in older}
        assert all(older.values())
        refuses_every_bypass(connection)
    system.upgrade()
    with raw(empty_home) as connection:
        for table, rows in older.items():
            now = connection.rows(table)
            assert [row[: columns[table]] for row in now] == rows, table
            assert {cell for row in now for cell in row[columns[table] :]} <= {None}, table
        for table in FACT_TABLES:
            if table not in older:
                connection.insert_some(table)
        refuses_every_bypass(connection)
    assert faults(empty_home) == []


def test_a_failed_upgrade_leaves_nothing(empty_home):
    """One transaction: without the application's role PostgreSQL is as before."""
    if not empty_home.database.startswith("postgresql"):
        pytest.skip("SQLite has no roles")
    nobody = replace(empty_home, database=empty_home.database.replace("application", "nobody"))
    with pytest.raises(CarbonError, match=re.escape("store.role")):
        System(nobody, FixedClock()).upgrade()
    with connected(empty_home.owner) as connection:
        assert schema.revision(connection) is None
    assert not (empty_home.keys / STORE_KEY).exists()


def test_migrations_make_what_tables_say(home):
    def compared(thing, name, kind, reflected, other):
        return not (kind == "table" and name.rsplit("_", 1)[0] in PARENTS)

    with connected(home.owner) as connection:
        options = {"include_object": compared, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_history_is_one_line():
    script = migrations()
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    revisions = [r.revision for r in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert not any(r.is_merge_point or r.is_branch_point for r in script.walk_revisions())


# --- faults ---------------------------------------------------------------------------------------


def test_a_sound_database_has_no_fault(home):
    assert faults(home) == []
    fill(home)
    assert faults(home) == []


def test_an_older_revision_is_named(empty_home):
    System(empty_home, FixedClock()).upgrade("0001")
    with connected(empty_home.database) as connection:
        (fault,) = schema.faults(connection)
    assert fault.code == "store.outdated"
    assert "0001" in fault.say("en")


def broken(home, table, *statements):
    """The one fault after what an owner did."""
    with raw(home, owner=True) as connection:
        for statement in statements:
            connection.run(statement)
    (fault,) = faults(home)
    assert fault == CarbonError("store.unguarded", tables=table).say("en")


@ON_SQLITE
@pytest.mark.parametrize("table", FACT_TABLES)
@pytest.mark.parametrize("event", ["insert", "update", "delete"])
def test_a_dropped_trigger_of_sqlite_is_named(home, table, event):
    broken(home, table, f"DROP TRIGGER {table}_{event}")


@ON_SQLITE
def test_a_trigger_that_refuses_nothing_is_named(home):
    empty = "CREATE TRIGGER claim_update BEFORE UPDATE ON claim WHEN false BEGIN SELECT 1; END"
    broken(home, "claim", "DROP TRIGGER claim_update", empty)


@ON_POSTGRESQL
@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("fact", "DROP TRIGGER refuse_update ON fact"),
        ("claim", "DROP TRIGGER refuse_truncate ON claim"),
        ("claim", "ALTER TABLE claim DISABLE TRIGGER refuse_delete"),
        ("claim", "ALTER TABLE claim ENABLE TRIGGER refuse_delete"),
        ("life_entry", "ALTER TABLE life_entry ENABLE REPLICA TRIGGER refuse_update"),
        ("activity_2026", "DROP TRIGGER refuse_truncate ON activity_2026"),
        ("quantity_other", "ALTER TABLE quantity_other DISABLE TRIGGER refuse_update"),
    ],
)
def test_a_trigger_of_postgresql_that_is_gone_or_not_always_on_is_named(home, table, statement):
    broken(home, table, statement)


@ON_POSTGRESQL
def test_a_trigger_under_a_guards_name_is_named(home):
    broken(
        home, "claim",
        "CREATE FUNCTION harmless() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "DROP TRIGGER refuse_update ON claim",
        "CREATE TRIGGER refuse_update BEFORE UPDATE ON claim FOR EACH ROW EXECUTE FUNCTION harmless()",
        "ALTER TABLE claim ENABLE ALWAYS TRIGGER refuse_update",
    )  # fmt: skip


@ON_POSTGRESQL
def test_a_hollow_function_is_named(home):
    with raw(home, owner=True) as connection:
        connection.run(
            "CREATE OR REPLACE FUNCTION carbon_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
        )
    (fault,) = faults(home)
    assert all(table in fault for table in FACT_TABLES)


@ON_POSTGRESQL
def test_an_application_that_owns_tables_is_named(home):
    with raw(home, owner=True) as connection:
        connection.run("ALTER TABLE claim OWNER TO application")
    with connected(home.database) as connection:
        (fault,) = schema.faults(connection)
    assert fault.code == "store.owner"
    assert "claim" in fault.say("en")


# --- partitions -----------------------------------------------------------------------------------


@ON_POSTGRESQL
def test_next_years_partitions_are_there_and_come_with_each_upgrade(home):
    clock = FixedClock()
    with raw(home) as connection:
        years = {name.rsplit("_", 1)[1] for name in connection.partitions()}
    assert years == {"2026", "2027", "other"}
    clock.move(days=365)
    System(home, clock).upgrade()
    with raw(home) as connection:
        assert {"activity_2028", "quantity_2028"} <= set(connection.partitions())
    assert faults(home) == []


@pytest.mark.parametrize("year", [1970, 2025, 2026, 2027, 2028, 2500])
def test_a_row_of_any_year_finds_a_place_and_a_guard(home, year):
    at = date(year, 12, 31).isoformat() + "T23:59:59.999999+00:00"
    with raw(home) as connection:
        for table in FACT_TABLES:
            changes = {"recorded_at": at} if table in PARENTS else {}
            connection.insert_some(table, **changes)
        refuses_every_bypass(connection)


@pytest.mark.parametrize("url", ["mysql://somebody@host/name", "no url"])
def test_other_engines_are_refused(url):
    with pytest.raises(CarbonError, match=re.escape("store.url")):
        Database(url)


def unavailable():
    return pytest.raises(CarbonError, match=re.escape("store.unavailable"))


def test_a_server_that_does_not_answer_is_unavailable():
    with closing(Database("postgresql://nobody@127.0.0.1:1/none")) as database, unavailable():
        database.ready()


def overfill(database):
    with database.write() as connection:
        driver = connection.connection.driver_connection
        driver.execute("PRAGMA max_page_count = 1").close()
        people = [(f"p{n}", f"l{n}", b"n", b"x" * 5000) for n in range(99)]
        driver.executemany("INSERT INTO person VALUES (?, ?, ?, ?)", people)


@ON_SQLITE
def test_a_full_disk_is_told_and_leaves_nothing(home):
    """Rows loaded in bulk go to the driver itself: its errors are told like all others."""
    with closing(Database(home.database)) as database, unavailable():
        overfill(database)
    with raw(home) as connection:
        assert connection.rows("person") == []
