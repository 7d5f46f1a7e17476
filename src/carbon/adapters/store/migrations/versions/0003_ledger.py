"""Accounts, journals, transfers and holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.schema import seal
from carbon.adapters.store.tables import Instant

revision = "0003"
down_revision = "0002"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SMALL = sa.SmallInteger().with_variant(sa.Integer, "sqlite")
BALANCE = (
    "(policy <> 'holder' OR credits - debits - held >= 0)"
    " AND (policy <> 'sink' OR debits + held = 0)"
)
TABLES = ("asset", "account", "journal", "transfer", "reversal", "hold", "hold_end")


def upgrade() -> None:
    """Make the tables, their posting triggers and their seals."""
    op.create_table(
        "asset",
        sa.Column("id", sa.Integer, sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_asset"),
        sa.UniqueConstraint("code", name="uq_asset_code"),
        sqlite_strict=True,
    )
    op.create_table(
        "account",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("debits", BIG, nullable=False, server_default="0"),
        sa.Column("credits", BIG, nullable=False, server_default="0"),
        sa.Column("held", BIG, nullable=False, server_default="0"),
        sa.Column("last_journal", BIG, nullable=False, server_default="0"),
        sa.Column("asset", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.CheckConstraint(BALANCE, name=op.f("ck_account_balance")),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("asset", "code", name="uq_account_asset_code"),
        sa.UniqueConstraint("id", "asset", name="uq_account_id_asset"),
        sa.ForeignKeyConstraint(["asset"], ["asset.id"], name="fk_account_asset"),
        sqlite_strict=True,
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "journal",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("fact_seq", BIG),
        sa.Column("lines", SMALL, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.CheckConstraint("lines BETWEEN 1 AND 1000", name=op.f("ck_journal_lines")),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sa.UniqueConstraint("key", name="uq_journal_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_journal_fact_seq_id", "journal", ["fact_seq", "id"], unique=False)
    op.create_table(
        "transfer",
        sa.Column("journal", BIG, nullable=False),
        sa.Column("dr", BIG, nullable=False),
        sa.Column("cr", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("asset", sa.Integer, nullable=False),
        sa.Column("line", SMALL, nullable=False),
        sa.CheckConstraint("amount > 0 AND dr <> cr AND line >= 0", name=op.f("ck_transfer_sound")),
        sa.PrimaryKeyConstraint("journal", "line", name="pk_transfer"),
        *_sides("transfer"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reversal",
        sa.Column("journal", BIG, autoincrement=False, nullable=False),
        sa.Column("reverses", BIG, nullable=False),
        sa.PrimaryKeyConstraint("journal", name="pk_reversal"),
        sa.UniqueConstraint("reverses", name="uq_reversal_reverses"),
        sqlite_strict=True,
    )
    op.create_table(
        "hold",
        sa.Column("id", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("dr", BIG, nullable=False),
        sa.Column("cr", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.Column("asset", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("amount > 0 AND dr <> cr", name=op.f("ck_hold_sound")),
        sa.PrimaryKeyConstraint("id", name="pk_hold"),
        sa.UniqueConstraint("key", name="uq_hold_key"),
        *_sides("hold"),
        sqlite_strict=True,
    )
    op.create_index("ix_hold_dr", "hold", ["dr"], unique=False)
    op.create_index("ix_hold_expires_at", "hold", ["expires_at"], unique=False)
    op.create_table(
        "hold_end",
        sa.Column("hold", BIG, autoincrement=False, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("journal", sa.Text),
        sa.Column("recorded_at", Instant, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('posted', 'voided', 'expired')", name=op.f("ck_hold_end_outcome")
        ),
        sa.CheckConstraint(
            "(outcome = 'posted') = (journal IS NOT NULL)", name=op.f("ck_hold_end_journal")
        ),
        sa.PrimaryKeyConstraint("hold", name="pk_hold_end"),
        sa.ForeignKeyConstraint(["hold"], ["hold.id"], name="fk_hold_end_hold"),
        sa.ForeignKeyConstraint(
            ["journal"],
            ["journal.key"],
            name="fk_hold_end_journal",
            deferrable=True,
            initially="DEFERRED",
        ),
        sqlite_strict=True,
    )
    seal(op.get_bind(), TABLES)


def _sides(table: str) -> list[sa.ForeignKeyConstraint]:
    """Both accounts of a row are of its asset."""
    return [
        sa.ForeignKeyConstraint(
            [side, "asset"], ["account.id", "account.asset"], name=f"fk_{table}_{side}_asset"
        )
        for side in ("dr", "cr")
    ]
