"""What a database belongs to: set once, then only compared."""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from carbon.adapters.store.database import Database
from carbon.adapters.store.tables import identity
from carbon.domain.errors import CarbonError


def bound_to(database: Database, name: str) -> str | None:
    """What a database is bound to; ``None`` as long as it was not used."""
    query = sa.select(identity.c.value).where(identity.c.name == name)
    with database.read() as connection:
        bound: str | None = connection.execute(query).scalar()
    return bound


def claim_identity(database: Database, name: str, value: str) -> None:
    """Bind a database to its secret or its log. Raises ``key.wrong`` if it is bound elsewhere."""
    bound = bound_to(database, name)
    if bound is None:
        with suppress(IntegrityError), database.write() as connection:
            connection.execute(sa.insert(identity).values(name=name, value=value))
        # Whoever was first bound it.
        bound = bound_to(database, name)
    if bound != value:
        raise CarbonError("key.wrong", what=name)
