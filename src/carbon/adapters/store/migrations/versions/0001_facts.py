"""Facts of records and their parties."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.schema import seal
from carbon.adapters.store.tables import Day, Instant

revision = "0001"
down_revision = None

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
REAL: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL, "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")
TABLES = ("fact", "claim", "activity", "quantity", "life_entry", "correction", "identity")


def upgrade() -> None:
    """Make the tables and seal those of facts."""
    op.create_table(
        "fact",
        sa.Column("seq", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request", sa.Text),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("leaf_index", BIG),
        sa.CheckConstraint("leaf_index >= 0", name=op.f("ck_fact_leaf_index")),
        sa.CheckConstraint("length(body) BETWEEN 1 AND 65535", name=op.f("ck_fact_body")),
        sa.PrimaryKeyConstraint("seq", name="pk_fact"),
        sa.UniqueConstraint("kind", "key", name="uq_fact_kind_key"),
        sa.UniqueConstraint("leaf_index", name="uq_fact_leaf_index"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index(
        "ix_fact_pending",
        "fact",
        ["seq"],
        unique=False,
        postgresql_where=sa.text("leaf_index IS NULL"),
        sqlite_where=sa.text("leaf_index IS NULL"),
    )
    op.create_table(
        "claim",
        sa.Column("record_key", sa.Text, nullable=False),
        sa.Column("fact_id", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("item_key", sa.Text),
        sa.Column("pair_key", sa.Text),
        sa.Column("giver", sa.Text),
        sa.Column("occurred_on", Day, nullable=False),
        sa.Column("quantity", BIG),
        sa.Column("mass_kg", REAL),
        sa.PrimaryKeyConstraint("record_key", name="pk_claim"),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_claim_item_key",
        "claim",
        ["item_key"],
        unique=False,
        postgresql_where=sa.text("item_key IS NOT NULL"),
        sqlite_where=sa.text("item_key IS NOT NULL"),
    )
    op.create_index(
        "ix_claim_pair_key",
        "claim",
        ["pair_key"],
        unique=False,
        postgresql_where=sa.text("pair_key IS NOT NULL"),
        sqlite_where=sa.text("pair_key IS NOT NULL"),
    )
    op.create_table(
        "activity",
        sa.Column("fact_id", sa.Text, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("fact_seq", BIG, nullable=False),
        sa.Column("row", BIG),
        sa.Column("occurred_on", Day, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("item_type", sa.Text, nullable=False),
        sa.Column("quantity", BIG),
        sa.Column("mass_kg", REAL),
        sa.Column("condition", sa.Text),
        sa.Column("age_years", REAL),
        sa.Column("price_fen", BIG),
        sa.Column("process", sa.Text),
        sa.Column("transport_km", REAL),
        sa.Column("transport_mode", sa.Text),
        sa.Column("destination", sa.Text),
        sa.Column("evidence", sa.Text),
        sa.Column("item", FLAG, nullable=False),
        sa.Column("giver", sa.Text),
        sa.Column("receiver", sa.Text),
        sa.Column("receiver_region", sa.Text),
        sa.Column("subsidised", sa.Text),
        sa.Column("site", sa.Text),
        sa.Column("enterprise", sa.Text),
        sa.Column("hedong", FLAG, nullable=False),
        sa.Column("giver_digest", sa.Text),
        sa.Column("receiver_digest", sa.Text),
        sa.Column("rest_digest", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("fact_id", "recorded_at", name="pk_activity"),
        postgresql_partition_by="RANGE (recorded_at)",
        sqlite_strict=True,
    )
    op.create_index("ix_activity_fact_seq_row", "activity", ["fact_seq", "row"], unique=False)
    op.create_table(
        "quantity",
        sa.Column("fact_id", sa.Text, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("fact_seq", BIG, nullable=False),
        sa.Column("row", BIG),
        sa.Column("be_g", BIG, nullable=False),
        sa.Column("pe_g", BIG, nullable=False),
        sa.Column("u_g", BIG, nullable=False),
        sa.Column("le_g", BIG, nullable=False),
        sa.Column("er_g", BIG, nullable=False),
        sa.Column("life", REAL, nullable=False),
        sa.Column("allowance", REAL),
        sa.Column("grade", sa.Text, nullable=False),
        sa.Column("flags", sa.Text, nullable=False),
        sa.Column("factors", sa.Text, nullable=False),
        sa.CheckConstraint("er_g = be_g - pe_g - u_g - le_g", name=op.f("ck_quantity_er_g")),
        sa.PrimaryKeyConstraint("fact_id", "recorded_at", name="pk_quantity"),
        postgresql_partition_by="RANGE (recorded_at)",
        sqlite_strict=True,
    )
    op.create_index("ix_quantity_fact_seq_row", "quantity", ["fact_seq", "row"], unique=False)
    op.create_table(
        "life_entry",
        sa.Column("item_key", sa.Text, nullable=False),
        sa.Column("ordinal", BIG, nullable=False),
        sa.Column("fact_id", sa.Text, nullable=False),
        sa.Column("granted", REAL, nullable=False),
        sa.Column("left_over", REAL, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.CheckConstraint("left_over >= 0", name=op.f("ck_life_entry_left_over")),
        sa.PrimaryKeyConstraint("item_key", "ordinal", name="pk_life_entry"),
        sqlite_strict=True,
    )
    op.create_table(
        "correction",
        sa.Column("replaces", sa.Text, nullable=False),
        sa.Column("fact_id", sa.Text),
        sa.Column("fact_seq", BIG, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("replaces", name="pk_correction"),
        sqlite_strict=True,
    )
    op.create_table(
        "identity",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_identity"),
        sqlite_strict=True,
    )
    op.create_table(
        "person",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("lookup", sa.Text, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_person"),
        sa.UniqueConstraint("lookup", name="uq_person_lookup"),
        sqlite_strict=True,
    )
    op.create_table(
        "personal",
        sa.Column("fact_id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("fact_id", name="pk_personal"),
        sqlite_strict=True,
    )
    op.create_index("ix_personal_person_id", "personal", ["person_id"], unique=False)
    seal(op.get_bind(), TABLES)
