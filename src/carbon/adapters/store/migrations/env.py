"""How Alembic runs here: on the connection that `schema` hands over, in one transaction."""

from __future__ import annotations

from alembic import context

from carbon.adapters.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
