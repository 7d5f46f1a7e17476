"""Decisions, issued serials and who holds them."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import BIG, Instant, table
from carbon.domain.credit.decision import TWO_PEOPLE

_TWO_PEOPLE = ", ".join(f"'{kind}'" for kind in TWO_PEOPLE)

#: Who signed a decision, by pseudonym. ``verifier``, ``reviewer``: whom an issuance must not be
#: signed by.
decision = table(
    "decision",
    sa.Column("fact_seq", BIG, sa.ForeignKey("fact.seq"), primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("first", sa.Text, nullable=False),
    sa.Column("second", sa.Text),
    sa.Column("verifier", sa.Text),
    sa.Column("reviewer", sa.Text),
    sa.UniqueConstraint("kind", "id"),
    sa.CheckConstraint(f"kind NOT IN ({_TWO_PEOPLE}) OR second IS NOT NULL", name="two_people"),
    sa.CheckConstraint("second <> first", name="distinct"),
    sa.CheckConstraint(
        "kind <> 'issuance' OR (verifier IS NOT NULL AND reviewer IS NOT NULL"
        " AND verifier NOT IN (first, second) AND reviewer NOT IN (first, second))",
        name="independent",
    ),
)

#: Which leaves an issuance covered: each issued part of a project's month begins where the one
#: before it ends, and none has two that follow it, so that a record feeds one issuance.
issued = table(
    "issued",
    sa.Column("fact_seq", BIG, sa.ForeignKey("decision.fact_seq"), nullable=False, unique=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("part", BIG, nullable=False),
    sa.Column("previous", BIG),
    sa.Column("from_leaf", BIG, nullable=False),
    sa.Column("to_leaf", BIG, nullable=False),
    sa.PrimaryKeyConstraint("project", "month", "part"),
    sa.UniqueConstraint("project", "month", "part", "to_leaf"),
    sa.UniqueConstraint("project", "month", "previous"),
    sa.Index(
        "ix_issued_first",
        "project",
        "month",
        unique=True,
        postgresql_where=sa.text("previous IS NULL"),
        sqlite_where=sa.text("previous IS NULL"),
    ),
    sa.ForeignKeyConstraint(
        ["project", "month", "previous", "from_leaf"],
        ["issued.project", "issued.month", "issued.part", "issued.to_leaf"],
    ),
    sa.CheckConstraint("to_leaf > from_leaf", name="leaves"),
    sa.CheckConstraint(
        "(previous IS NULL AND from_leaf = 0) OR (previous IS NOT NULL AND previous < part)",
        name="chain",
    ),
)

#: Issued serial blocks, for ever; the database keeps them from overlapping.
block = table(
    "block",
    sa.Column("first", BIG, primary_key=True, autoincrement=False),
    sa.Column("last", BIG, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("fact_seq", BIG, sa.ForeignKey("decision.fact_seq"), nullable=False),
    sa.CheckConstraint("first > 0 AND last >= first", name="serials"),
)

#: Which decisions name which serials. ``size``: digits of how many, so that what names a serial is
#: found although ranges overlap: of each size, it begins at most so many serials before.
mention = table(
    "mention",
    sa.Column("fact_seq", BIG, sa.ForeignKey("decision.fact_seq"), nullable=False),
    sa.Column("first", BIG, nullable=False),
    sa.Column("last", BIG, nullable=False),
    sa.Column("size", BIG, nullable=False),
    sa.PrimaryKeyConstraint("fact_seq", "first", "last"),
    sa.CheckConstraint("first > 0 AND last >= first", name="serials"),
    sa.CheckConstraint("size = length(CAST(last - first + 1 AS text))", name="size"),
    sa.Index("ix_mention_size_first", "size", "first"),
)

#: Who holds which serials now: a projection of the decisions. ``hold``: what reserves them.
holding = table(
    "holding",
    sa.Column("first", BIG, primary_key=True, autoincrement=False),
    sa.Column("last", BIG, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("hold", sa.Text),
    sa.CheckConstraint("first > 0 AND last >= first", name="serials"),
    sa.Index("ix_holding_asset_account", "asset", "account"),
)

#: Decisions on their way: more signatures are needed, or they may still be taken back.
waiting = table(
    "waiting",
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("signatures", sa.Text, nullable=False),
    sa.Column("private", sa.Text),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.PrimaryKeyConstraint("kind", "id"),
)

#: When a verifier first opened an item of a sample: the trace of their work (TRUST V4).
opened = table(
    "opened",
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("leaf", BIG, nullable=False),
    sa.Column("row", BIG, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("report", "leaf", "row", "person"),
)

#: What a certificate tells and the log does not, such as a beneficiary's name: erasable.
certificate = table(
    "certificate",
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("private", sa.Text, nullable=False),
)
