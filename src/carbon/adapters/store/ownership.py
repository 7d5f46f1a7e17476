"""What a database belongs to: set once, then only compared."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.database import Database
from carbon.adapters.store.tables import identity
from carbon.domain.errors import CarbonError


def claim_identity(database: Database, name: str, value: str) -> None:
    """Bind a database to its secret or its log. Raises ``key.wrong`` if it is bound elsewhere."""
    query = sa.select(identity.c.value).where(identity.c.name == name)
    with database.read() as connection:
        bound = connection.execute(query).scalar()
    if bound is None:
        with database.write() as connection:
            bound = connection.execute(query).scalar()
            if bound is None:
                connection.execute(sa.insert(identity).values(name=name, value=value))
                return
    if bound != value:
        raise CarbonError("key.wrong", what=name)
