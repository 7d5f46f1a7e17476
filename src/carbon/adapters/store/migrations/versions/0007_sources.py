"""Who submitted a record, so that a source can list its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; records from before it have no source in it."""
    op.add_column("claim", sa.Column("source", sa.Text))
    op.create_index("ix_claim_source_fact_id", "claim", ["source", "fact_id"])
