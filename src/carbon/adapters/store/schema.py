"""The schema's life: upgrade, seal, partition, grant, check. Run as the owner, not in services."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from carbon.adapters.store import guards
from carbon.adapters.store.tables import FACTS, KEPT, PARENTS, RANGES, metadata
from carbon.domain.errors import CarbonError

_MIGRATIONS = "carbon.adapters.store:migrations"
_HEAD = "0009"
#: Tables whose rows the database itself defends.
SEALED = (*FACTS, *KEPT)
#: Payload is partitioned by year of recording; next year's partitions are made with this year's.
YEARS_AHEAD = 1


def head() -> str:
    """The revision this program works with: that of the last migration, which a test holds."""
    return _HEAD


def revision(connection: sa.Connection) -> str | None:
    """The revision a database is at; ``None`` if it is empty.

    Asked at every start, so without Alembic, whose import takes longer than most commands.
    """
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    version = sa.text("SELECT version_num FROM alembic_version")
    found: str | None = connection.execute(version).scalar()
    return found


def upgrade(
    connection: sa.Connection, today: date, role: str | None = None, to: str = "head"
) -> None:
    """Bring a database to a revision and its partitions to next year, in one transaction.

    ``role``: the application's role on PostgreSQL, granted what it needs; ``None`` if it is the
    owner itself. Raises ``store.role`` if there is no such role.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", _MIGRATIONS)
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    if connection.dialect.name == "postgresql":
        _partition(connection, today)
        if role is not None:
            _grant(connection, role)


def seal(connection: sa.Connection, names: Iterable[str]) -> None:
    """Make the database refuse changes of some sealed tables."""
    tables = {table.name: table for table in SEALED}
    if connection.dialect.name == "sqlite":
        statements = [s for name in names for s in guards.sqlite_guards(tables[name])]
    else:
        connection.execute(sa.text(guards.postgresql_functions()))
        statements = [s for name in names for s in guards.postgresql_guards(name)]
    for statement in statements:
        connection.exec_driver_sql(statement)


def keep_apart(connection: sa.Connection, names: Iterable[str]) -> None:
    """Make the database refuse overlapping serial ranges in some tables."""
    for name in names:
        for statement in guards.apart(name, sqlite=connection.dialect.name == "sqlite"):
            connection.exec_driver_sql(statement)


def _partition(connection: sa.Connection, today: date) -> None:
    existing = set(sa.inspect(connection).get_table_names())
    for parent in PARENTS:
        wanted = {f"{parent}_other": "DEFAULT"}
        for year in range(today.year, today.year + YEARS_AHEAD + 1):
            bounds = f"FOR VALUES FROM ('{year}-01-01 00:00+00') TO ('{year + 1}-01-01 00:00+00')"
            wanted[f"{parent}_{year}"] = bounds
        for name, bounds in wanted.items():
            if name not in existing and parent in existing:
                for statement in guards.partition_statements(parent, name, bounds):
                    connection.exec_driver_sql(statement)


def _grant(connection: sa.Connection, role: str) -> None:
    known = connection.execute(
        sa.text("SELECT rolname FROM pg_roles WHERE rolname = :role"), {"role": role}
    ).scalar()
    if known is None:
        raise CarbonError("store.role", role=role)
    quoted = connection.dialect.identifier_preparer.quote(role)
    existing = set(sa.inspect(connection).get_table_names())
    tables = [name for name in metadata.tables if name in existing]
    for statement in guards.grants(quoted, tables):
        connection.exec_driver_sql(statement)


def faults(connection: sa.Connection) -> list[CarbonError]:
    """What is wrong with a database: revision, missing guards, rights of the application."""
    at = revision(connection)
    if at != head():
        return [CarbonError("store.outdated", at=at or "—", head=head())]
    found = []
    lacking = _unguarded(connection)
    if lacking:
        found.append(CarbonError("store.unguarded", tables=", ".join(lacking)))
    if connection.dialect.name == "postgresql":
        owned = _owned(connection)
        if owned:
            found.append(CarbonError("store.owner", tables=", ".join(owned)))
    return found


def _unguarded(connection: sa.Connection) -> list[str]:
    """Sealed tables and partitions that lack a guard, or have another one under its name."""
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        present = {sql for (sql,) in rows}
        unsealed = {t.name for t in SEALED if not present.issuperset(guards.sqlite_guards(t))}
        loose = {
            t.name for t in RANGES if not present.issuperset(guards.apart(t.name, sqlite=True))
        }
        return sorted(unsealed | loose)
    loose = {t.name for t in RANGES} - set(connection.execute(_APART).scalars())
    sources = guards.postgresql_sources()
    sealed: dict[str, set[tuple[str, str, str | None]]] = {}
    for table, trigger, source, condition in connection.exec_driver_sql(_TRIGGERS):
        sealed.setdefault(table, set()).add((trigger, source, condition))
    names = {table.name for table in SEALED}
    unsealed = {
        name
        for name, found in sealed.items()
        if (name in names or name.rsplit("_", 1)[0] in PARENTS)
        and not found.issuperset(
            (trigger, sources[function], condition)
            for trigger, (function, condition) in guards.postgresql_triggers(name).items()
        )
    }
    return sorted(unsealed | loose)


#: Tables whose serial ranges PostgreSQL keeps apart.
_APART = sa.text("SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'x'")
#: Of every table the triggers that always fire, what they run and when.
_TRIGGERS = """
SELECT c.relname, t.tgname, p.prosrc, pg_get_expr(t.tgqual, t.tgrelid)
FROM pg_class AS c
LEFT JOIN pg_trigger AS t ON t.tgrelid = c.oid AND t.tgenabled = 'A'
LEFT JOIN pg_proc AS p ON p.oid = t.tgfoid
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
"""


def _owned(connection: sa.Connection) -> list[str]:
    """Tables that the connected role owns: it could switch their guards off."""
    rows = connection.exec_driver_sql(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
    )
    return sorted(name for (name,) in rows)
