"""Uploads, and the mappings they were read with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.tables import Instant

revision = "0008"
down_revision = "0007"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "upload",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("received", BIG, nullable=False),
        sa.Column("folder", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("task", sa.Text),
        sa.Column("wanted", sa.Text),
        sa.Column("accept_valid", BIG, nullable=False),
        sa.Column("mapping", sa.Text),
        sa.Column("report", sa.Text),
        sa.Column("annotated", BIG),
        sa.Column("rows", BIG, nullable=False),
        sa.Column("total", BIG),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("tries", BIG, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("expires_at", Instant),
        sa.PrimaryKeyConstraint("organisation", "id", name="pk_upload"),
        sa.UniqueConstraint("folder", name="uq_upload_folder"),
        sa.CheckConstraint("received >= 0 AND received <= size", name=op.f("ck_upload_received")),
        sa.CheckConstraint("(owner IS NULL) = (expires_at IS NULL)", name=op.f("ck_upload_lease")),
        sqlite_strict=True,
    )
    op.create_index("ix_upload_state_changed_at", "upload", ["state", "changed_at"])
    op.create_index("ix_upload_created_at", "upload", ["created_at"])
    op.create_table(
        "mapping",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("header", sa.Text, nullable=False),
        sa.Column("mapping", sa.Text, nullable=False),
        sa.Column("used_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "header", name="pk_mapping"),
        sqlite_strict=True,
    )
