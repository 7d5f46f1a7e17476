"""What makes the database itself refuse to change facts, on both engines.

PostgreSQL: row triggers on UPDATE and DELETE and a statement trigger on TRUNCATE, all ENABLE
ALWAYS (the default lets `session_replication_role = replica` pass), on every partition too; the
application's role may only insert and owns nothing. SQLite: the same as triggers, and because
`OR REPLACE` deletes what is in its way without firing them (unless the connection asks for
recursive triggers), an insert is refused where any key is taken, the hidden row number included,
and a leaf is not placed where another one is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa

from carbon.adapters.store import posting
from carbon.adapters.store.tables import KEPT, PARTIES, account, fact, journal, security_event

#: How long security events are kept (TRUST S14). By the database's own clock: what guards against
#: the application does not ask it for the time.
KEPT_DAYS = 184
#: SQLSTATE of a refused change on PostgreSQL.
REFUSED = "CB001"


def _others(row: str) -> str:
    """A journal's columns but the one that is set once."""
    return ", ".join(f"{row}.{c.name}" for c in journal.columns if c.name != "fact_seq")


_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION carbon_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'facts are never changed: % on %', TG_OP, TG_TABLE_NAME
    USING ERRCODE = '{REFUSED}';
END $$;
CREATE OR REPLACE FUNCTION carbon_place_leaf() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.leaf_index IS NULL AND NEW.leaf_index IS NOT NULL
     AND (to_jsonb(OLD) - 'leaf_index') = (to_jsonb(NEW) - 'leaf_index') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'facts are never changed: a leaf is placed once'
    USING ERRCODE = '{REFUSED}';
END $$;
CREATE OR REPLACE FUNCTION carbon_place_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.fact_seq IS NULL AND NEW.fact_seq IS NOT NULL AND ({_others("OLD")})
     IS NOT DISTINCT FROM ({_others("NEW")}) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'facts are never changed: a journal enters one leaf'
    USING ERRCODE = '{REFUSED}';
END $$;
CREATE OR REPLACE FUNCTION carbon_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.at < now() - interval '{KEPT_DAYS} days' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'kept for {KEPT_DAYS} days: %', TG_TABLE_NAME
    USING ERRCODE = '{REFUSED}';
END $$;
"""

#: Columns that are set once, after their row was added.
PLACED = {fact.name: "leaf_index", journal.name: "fact_seq"}
#: What refuses a change of a row, where it is not refused always.
_CHANGES = {fact.name: "carbon_place_leaf", journal.name: "carbon_place_journal"}
#: What refuses to remove a row, where it is not refused always.
_REMOVALS = {security_event.name: "carbon_keep"}
#: Accounts are changed by the triggers that post, and by nothing else.
BY_HAND = "(pg_trigger_depth() = 0)"


def postgresql_functions() -> str:
    """The trigger functions, for a migration."""
    return _FUNCTIONS + posting.postgresql_functions()


def postgresql_sources() -> dict[str, str]:
    """The bodies of the trigger functions, as the database keeps them, by name."""
    heads, bodies = (postgresql_functions().split("$$")[n::2] for n in (0, 1))
    names = (re.search(r"FUNCTION (\w+)\(", head) for head in heads)
    return {name[1]: body for name, body in zip(names, bodies, strict=False) if name}


def postgresql_triggers(table: str) -> dict[str, tuple[str, str | None]]:
    """Triggers that a table of facts has: function and condition by name."""
    change = _CHANGES.get(table, "carbon_refuse")
    found = {
        "refuse_update": (change, BY_HAND if table == account.name else None),
        "refuse_delete": (_REMOVALS.get(table, "carbon_refuse"), None),
        "refuse_truncate": ("carbon_refuse", None),
    }
    return found | {name: (own, None) for name, own, _ in posting.postgresql_triggers(table)}


def postgresql_guards(table: str, *, partition: bool = False) -> Iterator[str]:
    """Statements that seal a table, or a partition whose row triggers come from its parent."""
    triggers = postgresql_triggers(table)
    (change, condition), (removal, _) = triggers["refuse_update"], triggers["refuse_delete"]
    if not partition:
        yield (
            f"CREATE TRIGGER refuse_update BEFORE UPDATE ON {table} FOR EACH ROW "
            f"{f'WHEN {condition} ' if condition else ''}EXECUTE FUNCTION {change}()"
        )
        yield (
            f"CREATE TRIGGER refuse_delete BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {removal}()"
        )
    yield (
        f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION carbon_refuse()"
    )
    yield from (statement for _, _, statement in posting.postgresql_triggers(table))
    for trigger in postgresql_triggers(table):
        yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}"


def sqlite_guards(table: sa.Table) -> Iterator[str]:
    """Statements that seal a table."""
    name = table.name
    refuse = "SELECT RAISE(ABORT, 'facts are never changed')"
    admitted = posting.COUNTED if table is account else _placed(table)
    once = f"WHEN NOT ({admitted})" if admitted else ""
    yield f"CREATE TRIGGER {name}_update BEFORE UPDATE ON {name} {once} BEGIN {refuse}; END"
    young = f"WHEN {_YOUNG} " if table in KEPT else ""
    yield f"CREATE TRIGGER {name}_delete BEFORE DELETE ON {name} {young}BEGIN {refuse}; END"
    hidden = [("rowid",)] if table.dialect_options["sqlite"]["with_rowid"] else []
    taken = " OR ".join(_exists(table, key) for key in (*_unique_keys(table), *hidden))
    yield (
        f"CREATE TRIGGER {name}_insert BEFORE INSERT ON {name} WHEN {taken} "
        "BEGIN SELECT RAISE(ABORT, 'exists'); END"
    )
    yield from posting.sqlite_triggers(name)


#: Whether a row is to be kept still, on SQLite, where a moment is text that sorts as time does.
_YOUNG = f"OLD.at >= strftime('%Y-%m-%dT%H:%M:%f', 'now', '-{KEPT_DAYS} days')"


def _placed(table: sa.Table) -> str:
    """When a row may change: to set the column that is set once, on SQLite."""
    column = PLACED.get(table.name)
    if column is None:
        return ""
    same = " AND ".join(f"OLD.{c.name} IS NEW.{c.name}" for c in table.columns if c.name != column)
    free = f"AND NOT {_exists(table, (column,))} " if table.c[column].unique else ""
    return f"OLD.{column} IS NULL AND NEW.{column} IS NOT NULL {free}AND {same}"


def _exists(table: sa.Table, key: tuple[str, ...]) -> str:
    same = (sa.column(c) == sa.literal_column(f"NEW.{c}") for c in key)
    return str(sa.select(sa.literal_column("1")).select_from(table).where(*same).exists())


def _unique_keys(table: sa.Table) -> list[tuple[str, ...]]:
    """Columns of every primary key and unique constraint."""
    return sorted(
        tuple(column.name for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, sa.PrimaryKeyConstraint | sa.UniqueConstraint)
    )


def partition_statements(table: str, name: str, bounds: str) -> Iterator[str]:
    """Make a partition and seal it."""
    yield f"CREATE TABLE {name} PARTITION OF {table} {bounds}"
    yield from postgresql_guards(name, partition=True)


def apart(table: str, *, sqlite: bool) -> Iterator[str]:
    """Statements that keep the serial ranges of a table from overlapping."""
    if not sqlite:
        yield (
            f"ALTER TABLE {table} ADD CONSTRAINT ex_{table}_serials "
            "EXCLUDE USING gist (int8range(first, last, '[]') WITH &&)"
        )
        return
    clash = f"SELECT 1 FROM {table} WHERE first <= NEW.last AND last >= NEW.first"  # noqa: S608  our own table
    refuse = "BEGIN SELECT RAISE(ABORT, 'serials overlap'); END"
    yield f"CREATE TRIGGER {table}_apart BEFORE INSERT ON {table} WHEN EXISTS ({clash}) {refuse}"
    moved = "NEW.first <> OLD.first OR NEW.last <> OLD.last"
    yield f"CREATE TRIGGER {table}_fixed BEFORE UPDATE ON {table} WHEN {moved} {refuse}"


def grants(role: str, tables: list[str]) -> Iterator[str]:
    """What the application may do: read, append facts, place leaves, keep parties, end events.

    ``role`` is quoted already. Sequences serve identity columns.
    """
    parties, kept = ({table.name for table in tables} for tables in (PARTIES, KEPT))
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}"
    yield f"GRANT USAGE ON SCHEMA public TO {role}"
    for table in tables:
        rights = "SELECT, INSERT"
        if table in parties:
            rights += ", UPDATE, DELETE"
        elif table in kept:
            rights += ", DELETE"
        yield f"GRANT {rights} ON {table} TO {role}"
    for table, column in PLACED.items():
        if table in tables:
            yield f"GRANT UPDATE ({column}) ON {table} TO {role}"
    yield f"GRANT SELECT ON alembic_version TO {role}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
