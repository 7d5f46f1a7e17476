"""Open a database by its URL, with the settings each engine needs to keep what it acknowledges."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from carbon.adapters.store import schema
from carbon.domain.errors import CarbonError

#: SQLite up to 3.51.2 can lose commits in WAL mode with two connections (its WAL-reset race).
_WAL_SAFE = (3, 51, 3)
_BUSY_SECONDS = 60
#: SQLSTATE of a serialization failure and of a deadlock: the only ones worth another try.
RETRYABLE = ("40001", "40P01")
#: Number of the advisory lock of decisions on PostgreSQL; any fixed one.
_DECIDING = 6_963


class Database:
    """A pool of connections. ``write`` and ``read`` are transactions; nothing else is offered.

    SQLite: a writer takes the file's lock at once (BEGIN IMMEDIATE), with synchronous = FULL.
    PostgreSQL: READ COMMITTED with ordered locks and constraints.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise CarbonError("store.url", reason=error) from error
        kind = self.url.get_backend_name()
        if kind not in ("sqlite", "postgresql"):
            raise CarbonError("store.url", reason=kind)
        self.is_sqlite = kind == "sqlite"
        self.engine = self._sqlite() if self.is_sqlite else self._postgresql()
        self._reading = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        )

    def _sqlite(self) -> sa.Engine:
        engine = sa.create_engine(self.url, connect_args={"timeout": _BUSY_SECONDS})
        sa.event.listen(engine, "connect", _sqlite_connected)
        return engine

    def _postgresql(self) -> sa.Engine:
        url = self.url.set(drivername="postgresql+psycopg")
        # Nothing is prepared: a statement over arrays is planned for the arrays that come with it.
        options = {"options": "-c timezone=UTC", "prepare_threshold": None}
        return sa.create_engine(url, pool_pre_ping=True, connect_args=options)

    @property
    def path(self) -> Path | None:
        """The file of an SQLite database."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end, or leaves nothing."""
        with self._transaction(self.engine, "BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database."""
        with self._transaction(self._reading, "BEGIN") as connection:
            yield connection

    @contextmanager
    def frozen(self, folder: Path) -> Iterator[Database]:
        """This database as of one moment, however long it is read and whoever writes meanwhile.

        PostgreSQL: an exported snapshot. SQLite: a copy in a folder, since whoever reads there
        keeps others from committing.
        """
        if self.path is not None:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix="reading-") as own:
                copy = Path(own) / "database"
                copy_sqlite(self.path, copy)
                database = Database(f"sqlite:///{copy}")
                try:
                    yield database
                finally:
                    database.close()
            return
        with self.read() as connection:
            name = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            yield _Snapshot(self, name)

    @contextmanager
    def _transaction(self, engine: sa.Engine, begin: str) -> Iterator[sa.Connection]:
        with told(), engine.connect() as connection, connection.begin():
            if self.is_sqlite:
                connection.exec_driver_sql(begin)
            yield connection

    def ready(self) -> None:
        """Raise ``store.outdated`` unless the schema is the one this program works with."""
        if self.path is not None and not self.path.is_file():
            raise CarbonError("store.outdated", at="—", head=schema.head())
        with self.read() as connection:
            at = schema.revision(connection)
        if at != schema.head():
            raise CarbonError("store.outdated", at=at or "—", head=schema.head())

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


class _Snapshot(Database):
    """A database of PostgreSQL as another transaction sees it, for as long as that is open."""

    def __init__(self, of: Database, name: str) -> None:
        self.url, self.is_sqlite = of.url, of.is_sqlite
        self.engine, self._reading = of.engine, of._reading  # noqa: SLF001  its own kind
        self._name = name

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees the same."""
        with super().read() as connection:
            connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{self._name}'")
            yield connection


def copy_sqlite(source: Path, target: Path) -> None:
    """One state of a database, whoever writes meanwhile. Raises ``store.backup``."""
    try:
        reading, writing = sqlite3.connect(source), sqlite3.connect(target)
        with reading, writing:
            reading.backup(writing)
        reading.close()
        writing.close()
    except sqlite3.Error as error:
        raise CarbonError("store.backup", path=source, reason=error) from error


def alone(connection: sa.Connection, *, shared: bool = False) -> None:
    """Wait until no decision is being made, and keep others from it until the transaction ends.

    ``shared``: others that ask so too may go on. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
        connection.execute(sa.select(lock(_DECIDING)))


@contextmanager
def told() -> Iterator[None]:
    """What a driver raises, as one of our errors; a broken constraint is for the caller to read.

    Raises ``store.raced`` where trying again helps, ``text.control`` for a text that cannot be
    kept, ``store.unavailable`` otherwise.
    """
    try:
        yield
    except driver_errors(IntegrityError):
        raise
    except driver_errors(DBAPIError) as error:
        cause = getattr(error, "orig", error)
        if "NUL (0x00)" in str(cause):  # what only PostgreSQL's driver refuses in a text
            raise CarbonError("text.control") from error
        state = getattr(cause, "sqlstate", None)
        code = "store.raced" if state in RETRYABLE else "store.unavailable"
        raise CarbonError(code, reason=first_line(error)) from error


def driver_errors(of: type[DBAPIError]) -> tuple[type[Exception], ...]:
    """What stands for one of SQLAlchemy's errors where rows go past it: the drivers' own.

    PostgreSQL's driver is slow to load, and what was not loaded raised nothing.
    """
    name = "IntegrityError" if of is IntegrityError else "Error"
    drivers = (sqlite3, sys.modules.get("psycopg"))
    return of, *(getattr(driver, name) for driver in drivers if driver is not None)


def first_line(error: Exception) -> str:
    """What the driver says, short."""
    cause = getattr(error, "orig", None) or error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:200]


def sqlite_journal_mode() -> str:
    """WAL where it is safe, otherwise a rollback journal."""
    return "WAL" if sqlite3.sqlite_version_info >= _WAL_SAFE else "TRUNCATE"


def _sqlite_connected(connection: Any, _: object) -> None:
    """Settings of every SQLite connection; transactions are begun by hand."""
    connection.isolation_level = None
    for pragma in (
        f"journal_mode = {sqlite_journal_mode()}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",
        "trusted_schema = OFF",
        "cache_size = -65536",
        # What is erased is overwritten, not only forgotten.
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
