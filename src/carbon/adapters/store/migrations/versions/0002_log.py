"""Signed heads of the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.schema import seal
from carbon.adapters.store.tables import Instant

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
REAL: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL, "sqlite")
TABLES = ("checkpoint", "cosignature")


def upgrade() -> None:
    """Make the tables and seal those of facts."""
    op.create_table(
        "checkpoint",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("previous", BIG, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("signed_at", Instant, nullable=False),
        sa.CheckConstraint("size > previous AND previous >= 0", name=op.f("ck_checkpoint_size")),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoint"),
        sa.UniqueConstraint("previous", name="uq_checkpoint_previous"),
        sqlite_strict=True,
    )
    op.create_table(
        "cosignature",
        sa.Column("size", BIG, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("size", "name", name="pk_cosignature"),
        sqlite_strict=True,
    )
    seal(op.get_bind(), TABLES)
