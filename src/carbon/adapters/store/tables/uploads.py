"""Files on their way into the store, and how each enterprise's columns were read."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import BIG, Instant, table

#: An upload. ``folder``: its random name on disk, null when the files are gone; ``received``: bytes
#: that arrived; ``wanted``, ``report``: JSON; ``mapping``: what the last check read it with;
#: ``fence``: goes up whenever somebody gets or takes away the right to write; ``annotated``: the
#: fence of who wrote the annotated file.
upload = table(
    "upload",
    sa.Column("organisation", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", BIG, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("received", BIG, nullable=False),
    sa.Column("folder", sa.Text, unique=True),
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
    sa.Index("ix_upload_state_changed_at", "state", "changed_at"),
    sa.Index("ix_upload_created_at", "created_at"),
    sa.CheckConstraint("received >= 0 AND received <= size", name="received"),
    sa.CheckConstraint("(owner IS NULL) = (expires_at IS NULL)", name="lease"),
)

#: A mapping that read a file of an organisation. ``header``: SHA-256 of the file's column names.
mapping = table(
    "mapping",
    sa.Column("organisation", sa.Text, primary_key=True),
    sa.Column("header", sa.Text, primary_key=True),
    sa.Column("mapping", sa.Text, nullable=False),
    sa.Column("used_at", Instant, nullable=False),
)
