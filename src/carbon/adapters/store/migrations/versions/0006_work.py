"""Runs of the worker's jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.tables import Instant

revision = "0006"
down_revision = "0005"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "job_run",
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", Instant),
        sa.Column("started_at", Instant),
        sa.Column("ended_at", Instant),
        sa.Column("code", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("request", sa.Text),
        sa.PrimaryKeyConstraint("job", "due_at", name="pk_job_run"),
        sa.UniqueConstraint("request", name="uq_job_run_request"),
        sa.CheckConstraint(
            "state IN ('asked', 'running', 'done', 'failed')", name=op.f("ck_job_run_state")
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_job_run_asked",
        "job_run",
        ["due_at"],
        postgresql_where=sa.text("state = 'asked'"),
        sqlite_where=sa.text("state = 'asked'"),
    )
