"""What was done and what it is worth, with its leaf; the log's signed heads."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import BIG, FLAG, REAL, Day, Instant, partial_index, table

#: Longest leaf, in bytes: what a C2SP entry bundle can hold.
MAX_BODY_BYTES = 65_535

#: Every fact that has a leaf of its own. ``body``: the leaf's exact bytes; ``request``: hash of
#: the request that made it; ``answer``: what its client was told. ``leaf_index`` is set once.
fact = table(
    "fact",
    sa.Column("seq", BIG, sa.Identity(), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("request", sa.Text),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("leaf_index", BIG, unique=True),
    sa.UniqueConstraint("kind", "key"),
    sa.CheckConstraint(f"length(body) BETWEEN 1 AND {MAX_BODY_BYTES}", name="body"),
    sa.CheckConstraint("leaf_index >= 0", name="leaf_index"),
    partial_index("ix_fact_pending", "seq", "leaf_index IS NULL"),
    sqlite_autoincrement=True,
)

#: Who claimed what: identity of every record, for ever and unpartitioned. ``body``: hash of all
#: cells; ``item_key``, ``pair_key``: pseudonyms of the item, and of seller, receiver and item type;
#: ``giver``: pseudonym of the giver, or of the enterprise where no giver is named; ``source``:
#: keyed hash of who submitted it.
claim = table(
    "claim",
    sa.Column("record_key", sa.Text, primary_key=True),
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("item_key", sa.Text),
    sa.Column("pair_key", sa.Text),
    sa.Column("giver", sa.Text),
    sa.Column("occurred_on", Day, nullable=False),
    sa.Column("quantity", BIG),
    sa.Column("mass_kg", REAL),
    sa.Column("source", sa.Text),
    partial_index("ix_claim_item_key", "item_key", "item_key IS NOT NULL"),
    partial_index("ix_claim_pair_key", "pair_key", "pair_key IS NOT NULL"),
    sa.Index("ix_claim_source_fact_id", "source", "fact_id"),
)

#: What was done: a record's cells, its parties as pseudonyms. ``row``: place in a bulk leaf.
activity = table(
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
    sa.PrimaryKeyConstraint("fact_id", "recorded_at"),
    sa.Index("ix_activity_fact_seq_row", "fact_seq", "row"),
    postgresql_partition_by="RANGE (recorded_at)",
)

#: What it is worth: grams of a record, with the factor rows by role as the published row has them.
quantity = table(
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
    sa.PrimaryKeyConstraint("fact_id", "recorded_at"),
    sa.CheckConstraint("er_g = be_g - pe_g - u_g - le_g", name="er_g"),
    sa.Index("ix_quantity_fact_seq_row", "fact_seq", "row"),
    postgresql_partition_by="RANGE (recorded_at)",
)

#: One account per item across submissions and methodologies: life granted, never above its budget.
life_entry = table(
    "life_entry",
    sa.Column("item_key", sa.Text, nullable=False),
    sa.Column("ordinal", BIG, nullable=False),
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("granted", REAL, nullable=False),
    sa.Column("left_over", REAL, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("item_key", "ordinal"),
    sa.CheckConstraint("left_over >= 0", name="left_over"),
)

#: A fact that takes another one's place; a fact is corrected once.
correction = table(
    "correction",
    sa.Column("replaces", sa.Text, primary_key=True),
    sa.Column("fact_id", sa.Text),
    sa.Column("fact_seq", BIG, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
)

#: Signed heads of the log. ``previous`` is unique, so that only one checkpoint can follow another.
checkpoint = table(
    "checkpoint",
    sa.Column("size", BIG, primary_key=True, autoincrement=False),
    sa.Column("previous", BIG, nullable=False, unique=True),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("signed_at", Instant, nullable=False),
    sa.CheckConstraint("size > previous AND previous >= 0", name="size"),
)

#: Witness signatures of checkpoints: a line of a signed note each.
cosignature = table(
    "cosignature",
    sa.Column("size", BIG, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("size", "name"),
)

#: What this database belongs to (fingerprint of its secret, origin of its log); set once.
identity = table(
    "identity",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
