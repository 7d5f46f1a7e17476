"""A database for a trial, beside the one that is used, and gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from carbon.adapters.store.database import Database, first_line
from carbon.domain.errors import CarbonError


@contextmanager
def scratch(owner: Database) -> Iterator[Database]:
    """An empty database on the same engine; on PostgreSQL, on the same server.

    Raises ``store.scratch`` where the owner may not make one.
    """
    if owner.is_sqlite:
        with tempfile.TemporaryDirectory(prefix="carbon-") as folder:
            url = f"sqlite:///{Path(folder) / 'scratch.db'}"
            with closing(Database(url)) as made:
                yield made
        return
    name = f"scratch_{uuid4().hex}"
    _run(owner, f"CREATE DATABASE {name}")
    try:
        url = owner.url.set(database=name).render_as_string(hide_password=False)
        with closing(Database(url)) as made:
            yield made
    finally:
        _run(owner, f"DROP DATABASE {name} WITH (FORCE)")


def _run(owner: Database, statement: str) -> None:
    """Run what stands outside any transaction. Raises ``store.scratch``."""
    try:
        with owner.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.text(statement))
    except DBAPIError as error:
        role = owner.url.username
        raise CarbonError("store.scratch", role=role, reason=first_line(error)) from error
