"""Recurring work: which runs there were, who holds one now, what came of it."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import BIG, Instant, partial_index, table

#: One run of a job by its due moment. ``attempt``: counts who took it, so that one who lost it can
#: finish nothing; ``lease_until``: until when its owner is believed to be at work; ``request``: the
#: client's id of a run that was asked for.
job_run = table(
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
    sa.Column("request", sa.Text, unique=True),
    sa.PrimaryKeyConstraint("job", "due_at"),
    sa.CheckConstraint("state IN ('asked', 'running', 'done', 'failed')", name="state"),
    partial_index("ix_job_run_asked", "due_at", "state = 'asked'"),
)
