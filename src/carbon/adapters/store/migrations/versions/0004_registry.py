"""Decisions, issued serial blocks and who holds them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.schema import keep_apart, seal
from carbon.adapters.store.tables import Instant

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
#: As they were when this revision was made.
TWO_PEOPLE = "'member', 'member_end', 'filing', 'statement', 'issuance', 'unfreeze', 'restatement'"
FACTS = ("decision", "issued", "block", "opened")


def upgrade() -> None:
    """Make the tables and seal those of facts."""
    _decisions()
    _serials()
    _changing()
    seal(op.get_bind(), FACTS)
    keep_apart(op.get_bind(), ("block", "holding"))


def _decisions() -> None:
    op.create_table(
        "decision",
        sa.Column("fact_seq", BIG, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("second", sa.Text),
        sa.Column("verifier", sa.Text),
        sa.Column("reviewer", sa.Text),
        sa.PrimaryKeyConstraint("fact_seq", name="pk_decision"),
        sa.ForeignKeyConstraint(["fact_seq"], ["fact.seq"], name="fk_decision_fact_seq"),
        sa.UniqueConstraint("kind", "id", name="uq_decision_kind_id"),
        sa.CheckConstraint(
            f"kind NOT IN ({TWO_PEOPLE}) OR second IS NOT NULL",
            name=op.f("ck_decision_two_people"),
        ),
        sa.CheckConstraint("second <> first", name=op.f("ck_decision_distinct")),
        sa.CheckConstraint(
            "kind <> 'issuance' OR (verifier IS NOT NULL AND reviewer IS NOT NULL"
            " AND verifier NOT IN (first, second) AND reviewer NOT IN (first, second))",
            name=op.f("ck_decision_independent"),
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "issued",
        sa.Column("fact_seq", BIG, nullable=False),
        sa.Column("project", sa.Text, nullable=False),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("part", BIG, nullable=False),
        sa.Column("previous", BIG),
        sa.Column("from_leaf", BIG, nullable=False),
        sa.Column("to_leaf", BIG, nullable=False),
        sa.PrimaryKeyConstraint("project", "month", "part", name="pk_issued"),
        sa.ForeignKeyConstraint(["fact_seq"], ["decision.fact_seq"], name="fk_issued_fact_seq"),
        sa.UniqueConstraint("fact_seq", name="uq_issued_fact_seq"),
        sa.UniqueConstraint(
            "project", "month", "part", "to_leaf", name="uq_issued_project_month_part_to_leaf"
        ),
        sa.UniqueConstraint(
            "project", "month", "previous", name="uq_issued_project_month_previous"
        ),
        sa.ForeignKeyConstraint(
            ["project", "month", "previous", "from_leaf"],
            ["issued.project", "issued.month", "issued.part", "issued.to_leaf"],
            name="fk_issued_project",
        ),
        sa.CheckConstraint("to_leaf > from_leaf", name=op.f("ck_issued_leaves")),
        sa.CheckConstraint(
            "(previous IS NULL AND from_leaf = 0) OR (previous IS NOT NULL AND previous < part)",
            name=op.f("ck_issued_chain"),
        ),
        sqlite_strict=True,
    )

    op.create_index(
        "ix_issued_first",
        "issued",
        ["project", "month"],
        unique=True,
        postgresql_where=sa.text("previous IS NULL"),
        sqlite_where=sa.text("previous IS NULL"),
    )


def _serials() -> None:
    op.create_table(
        "block",
        sa.Column("first", BIG, autoincrement=False, nullable=False),
        sa.Column("last", BIG, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("fact_seq", BIG, nullable=False),
        sa.PrimaryKeyConstraint("first", name="pk_block"),
        sa.ForeignKeyConstraint(["fact_seq"], ["decision.fact_seq"], name="fk_block_fact_seq"),
        sa.CheckConstraint("first > 0 AND last >= first", name=op.f("ck_block_serials")),
        sqlite_strict=True,
    )
    op.create_table(
        "holding",
        sa.Column("first", BIG, autoincrement=False, nullable=False),
        sa.Column("last", BIG, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("hold", sa.Text),
        sa.PrimaryKeyConstraint("first", name="pk_holding"),
        sa.CheckConstraint("first > 0 AND last >= first", name=op.f("ck_holding_serials")),
        sqlite_strict=True,
    )
    op.create_index("ix_holding_asset_account", "holding", ["asset", "account"])

    op.create_table(
        "opened",
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("leaf", BIG, nullable=False),
        sa.Column("row", BIG, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("report", "leaf", "row", "person", name="pk_opened"),
        sqlite_strict=True,
    )


def _changing() -> None:
    op.create_table(
        "waiting",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("signatures", sa.Text, nullable=False),
        sa.Column("private", sa.Text),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("due_at", Instant),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_waiting"),
        sqlite_strict=True,
    )
    op.create_table(
        "certificate",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("private", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificate"),
        sqlite_strict=True,
    )
    op.create_table(
        "consent",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_consent"),
        sa.CheckConstraint("mode IN ('pooled', 'kept')", name=op.f("ck_consent_mode")),
        sqlite_strict=True,
    )
