"""The ledger: one row is one debit and one credit."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import BIG, SMALL, Instant, table


def _sides() -> tuple[sa.ForeignKeyConstraint, ...]:
    """Both accounts of a row are of its asset."""
    return tuple(
        sa.ForeignKeyConstraint([side, "asset"], ["account.id", "account.asset"])
        for side in ("dr", "cr")
    )


#: What is counted: credits of a methodology, vintage and status; grams; points; fen.
asset = table(
    "asset",
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("code", sa.Text, nullable=False, unique=True),
)

#: What an account may come to under its policy: a holder never below what it promised, a sink
#: gives and promises nothing.
BALANCE = (
    "(policy <> 'holder' OR credits - debits - held >= 0)"
    " AND (policy <> 'sink' OR debits + held = 0)"
)

#: Where an amount is kept. The counters are posted by triggers alone. ``held``: what open holds
#: promise to others; ``last_journal``: the latest one posted, which SQLite's guard goes by.
account = table(
    "account",
    sa.Column("id", BIG, sa.Identity(), primary_key=True),
    sa.Column("debits", BIG, nullable=False, server_default="0"),
    sa.Column("credits", BIG, nullable=False, server_default="0"),
    sa.Column("held", BIG, nullable=False, server_default="0"),
    sa.Column("last_journal", BIG, nullable=False, server_default="0"),
    sa.Column("asset", sa.Integer, sa.ForeignKey("asset.id"), nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.UniqueConstraint("asset", "code"),
    sa.UniqueConstraint("id", "asset"),
    # The one check whose failure means: insufficient. One, because each is parsed anew in every
    # statement that changes a row.
    sa.CheckConstraint(BALANCE, name="balance"),
    # Counters change in place: no index knows them, so that a page with room needs no new entries.
    postgresql_with={"fillfactor": 70},
)

#: Transfers that happen together. ``key`` and ``request``: the client's id and the hash of all it
#: asked for, for ever; ``lines``: how many transfers; ``fact_seq``: the fact whose bulk leaf has
#: it, set once.
journal = table(
    "journal",
    sa.Column("id", BIG, sa.Identity(), primary_key=True),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("fact_seq", BIG),
    sa.Column("lines", SMALL, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.CheckConstraint("lines BETWEEN 1 AND 1000", name="lines"),
    sa.Index("ix_journal_fact_seq_id", "fact_seq", "id"),
)

#: An amount from the account ``dr``, which gives, to ``cr``, which gets. A journal's lines come
#: numbered from 0 and all at once; that it is there is checked by the trigger that posts them.
transfer = table(
    "transfer",
    sa.Column("journal", BIG, nullable=False),
    sa.Column("dr", BIG, nullable=False),
    sa.Column("cr", BIG, nullable=False),
    sa.Column("amount", BIG, nullable=False),
    sa.Column("asset", sa.Integer, nullable=False),
    sa.Column("line", SMALL, nullable=False),
    sa.PrimaryKeyConstraint("journal", "line"),
    *_sides(),
    sa.CheckConstraint("amount > 0 AND dr <> cr AND line >= 0", name="sound"),
    sqlite_with_rowid=False,
)

#: A journal that mirrors another one line by line; nothing is reversed twice.
reversal = table(
    "reversal",
    sa.Column("journal", BIG, primary_key=True, autoincrement=False),
    sa.Column("reverses", BIG, nullable=False, unique=True),
)

#: An amount that an account promises to another one until a moment.
hold = table(
    "hold",
    sa.Column("id", BIG, sa.Identity(), primary_key=True),
    sa.Column("dr", BIG, nullable=False),
    sa.Column("cr", BIG, nullable=False),
    sa.Column("amount", BIG, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("asset", sa.Integer, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    *_sides(),
    sa.CheckConstraint("amount > 0 AND dr <> cr", name="sound"),
    sa.Index("ix_hold_dr", "dr"),
    sa.Index("ix_hold_expires_at", "expires_at"),
)

#: How a hold ended, once. ``journal``: key of the one that used it, which comes after, since what
#: was held is free for it.
hold_end = table(
    "hold_end",
    sa.Column("hold", BIG, sa.ForeignKey("hold.id"), primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column(
        "journal", sa.Text, sa.ForeignKey("journal.key", deferrable=True, initially="DEFERRED")
    ),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.CheckConstraint("outcome IN ('posted', 'voided', 'expired')", name="outcome"),
    sa.CheckConstraint("(outcome = 'posted') = (journal IS NOT NULL)", name="journal"),
)
