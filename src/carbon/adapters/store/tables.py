"""All tables, defined once for both engines; migrations make them, a test compares the two.

*Facts* are appended and never changed (`guards` makes the database refuse it); *parties* are rows
that can be changed and erased. Facts hold pseudonyms and salted digests only.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from carbon.domain.credit.decision import TWO_PEOPLE

#: Longest leaf, in bytes: what a C2SP entry bundle can hold.
MAX_BODY_BYTES = 65_535

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_REAL: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL, "sqlite")
_FLAG = sa.Boolean().with_variant(sa.Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; ISO 8601 text on SQLite, whose STRICT tables know no times."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Text on SQLite."""
        kind = sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True)
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """To the database."""
        if value is None or dialect.name != "sqlite":
            return value
        return instant_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        if value is None:
            return None
        found = datetime.fromisoformat(value) if dialect.name == "sqlite" else value
        return found.astimezone(UTC)


def instant_text(moment: datetime) -> str:
    """A moment as both engines read it; fixed width, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Day(TypeDecorator[date]):
    """A day; ISO 8601 text on SQLite."""

    impl = sa.Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Text on SQLite."""
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else sa.Date())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """To the database."""
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """From the database."""
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]  # the driver's date
        return date.fromisoformat(value)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)


def _table(name: str, *parts: Any, **options: Any) -> sa.Table:
    return sa.Table(name, metadata, *parts, sqlite_strict=True, **options)


def _partial_index(name: str, column: str, where: str) -> sa.Index:
    condition = sa.text(where)
    return sa.Index(name, column, postgresql_where=condition, sqlite_where=condition)


#: Every fact that has a leaf of its own. ``body``: the leaf's exact bytes; ``request``: hash of
#: the request that made it; ``answer``: what its client was told. ``leaf_index`` is set once.
fact = _table(
    "fact",
    sa.Column("seq", _BIG, sa.Identity(), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("request", sa.Text),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("leaf_index", _BIG, unique=True),
    sa.UniqueConstraint("kind", "key"),
    sa.CheckConstraint(f"length(body) BETWEEN 1 AND {MAX_BODY_BYTES}", name="body"),
    sa.CheckConstraint("leaf_index >= 0", name="leaf_index"),
    _partial_index("ix_fact_pending", "seq", "leaf_index IS NULL"),
    sqlite_autoincrement=True,
)

#: Who claimed what: identity of every record, for ever and unpartitioned. ``body``: hash of all
#: cells; ``item_key``, ``pair_key``: pseudonyms of the item, and of seller, receiver and item type;
#: ``giver``: pseudonym of the giver, or of the enterprise where no giver is named.
claim = _table(
    "claim",
    sa.Column("record_key", sa.Text, primary_key=True),
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("item_key", sa.Text),
    sa.Column("pair_key", sa.Text),
    sa.Column("giver", sa.Text),
    sa.Column("occurred_on", Day, nullable=False),
    sa.Column("quantity", _BIG),
    sa.Column("mass_kg", _REAL),
    _partial_index("ix_claim_item_key", "item_key", "item_key IS NOT NULL"),
    _partial_index("ix_claim_pair_key", "pair_key", "pair_key IS NOT NULL"),
)

#: What was done: a record's cells, its parties as pseudonyms. ``row``: place in a bulk leaf.
activity = _table(
    "activity",
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("fact_seq", _BIG, nullable=False),
    sa.Column("row", _BIG),
    sa.Column("occurred_on", Day, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("item_type", sa.Text, nullable=False),
    sa.Column("quantity", _BIG),
    sa.Column("mass_kg", _REAL),
    sa.Column("condition", sa.Text),
    sa.Column("age_years", _REAL),
    sa.Column("price_fen", _BIG),
    sa.Column("process", sa.Text),
    sa.Column("transport_km", _REAL),
    sa.Column("transport_mode", sa.Text),
    sa.Column("destination", sa.Text),
    sa.Column("evidence", sa.Text),
    sa.Column("item", _FLAG, nullable=False),
    sa.Column("giver", sa.Text),
    sa.Column("receiver", sa.Text),
    sa.Column("receiver_region", sa.Text),
    sa.Column("subsidised", sa.Text),
    sa.Column("site", sa.Text),
    sa.Column("enterprise", sa.Text),
    sa.Column("hedong", _FLAG, nullable=False),
    sa.Column("giver_digest", sa.Text),
    sa.Column("receiver_digest", sa.Text),
    sa.Column("rest_digest", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("fact_id", "recorded_at"),
    sa.Index("ix_activity_fact_seq_row", "fact_seq", "row"),
    postgresql_partition_by="RANGE (recorded_at)",
)

#: What it is worth: grams of a record, with the factor rows by role as the published row has them.
quantity = _table(
    "quantity",
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("fact_seq", _BIG, nullable=False),
    sa.Column("row", _BIG),
    sa.Column("be_g", _BIG, nullable=False),
    sa.Column("pe_g", _BIG, nullable=False),
    sa.Column("u_g", _BIG, nullable=False),
    sa.Column("le_g", _BIG, nullable=False),
    sa.Column("er_g", _BIG, nullable=False),
    sa.Column("life", _REAL, nullable=False),
    sa.Column("allowance", _REAL),
    sa.Column("grade", sa.Text, nullable=False),
    sa.Column("flags", sa.Text, nullable=False),
    sa.Column("factors", sa.Text, nullable=False),
    sa.PrimaryKeyConstraint("fact_id", "recorded_at"),
    sa.CheckConstraint("er_g = be_g - pe_g - u_g - le_g", name="er_g"),
    sa.Index("ix_quantity_fact_seq_row", "fact_seq", "row"),
    postgresql_partition_by="RANGE (recorded_at)",
)

#: One account per item across submissions and methodologies: life granted, never above its budget.
life_entry = _table(
    "life_entry",
    sa.Column("item_key", sa.Text, nullable=False),
    sa.Column("ordinal", _BIG, nullable=False),
    sa.Column("fact_id", sa.Text, nullable=False),
    sa.Column("granted", _REAL, nullable=False),
    sa.Column("left_over", _REAL, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("item_key", "ordinal"),
    sa.CheckConstraint("left_over >= 0", name="left_over"),
)

#: A fact that takes another one's place; a fact is corrected once.
correction = _table(
    "correction",
    sa.Column("replaces", sa.Text, primary_key=True),
    sa.Column("fact_id", sa.Text),
    sa.Column("fact_seq", _BIG, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
)

#: Signed heads of the log. ``previous`` is unique, so that only one checkpoint can follow another.
checkpoint = _table(
    "checkpoint",
    sa.Column("size", _BIG, primary_key=True, autoincrement=False),
    sa.Column("previous", _BIG, nullable=False, unique=True),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("signed_at", Instant, nullable=False),
    sa.CheckConstraint("size > previous AND previous >= 0", name="size"),
)

#: Witness signatures of checkpoints: a line of a signed note each.
cosignature = _table(
    "cosignature",
    sa.Column("size", _BIG, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("line", sa.Text, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("size", "name"),
)

_TWO_PEOPLE = ", ".join(f"'{kind}'" for kind in TWO_PEOPLE)

#: Who signed a decision, by pseudonym. ``verifier``, ``reviewer``: whom an issuance must not be
#: signed by.
decision = _table(
    "decision",
    sa.Column("fact_seq", _BIG, sa.ForeignKey("fact.seq"), primary_key=True, autoincrement=False),
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
issued = _table(
    "issued",
    sa.Column("fact_seq", _BIG, sa.ForeignKey("decision.fact_seq"), nullable=False, unique=True),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("part", _BIG, nullable=False),
    sa.Column("previous", _BIG),
    sa.Column("from_leaf", _BIG, nullable=False),
    sa.Column("to_leaf", _BIG, nullable=False),
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
block = _table(
    "block",
    sa.Column("first", _BIG, primary_key=True, autoincrement=False),
    sa.Column("last", _BIG, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("fact_seq", _BIG, sa.ForeignKey("decision.fact_seq"), nullable=False),
    sa.CheckConstraint("first > 0 AND last >= first", name="serials"),
)

#: Who holds which serials now: a projection of the decisions. ``hold``: what reserves them.
holding = _table(
    "holding",
    sa.Column("first", _BIG, primary_key=True, autoincrement=False),
    sa.Column("last", _BIG, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("hold", sa.Text),
    sa.CheckConstraint("first > 0 AND last >= first", name="serials"),
    sa.Index("ix_holding_asset_account", "asset", "account"),
)

#: What a resident does with their grams: ``pooled``, credits to the programme and points to them,
#: or ``kept``, their share of credits to them and no points; by which version of the consent.
consent = _table(
    "consent",
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.CheckConstraint("mode IN ('pooled', 'kept')", name="mode"),
)

#: Decisions on their way: more signatures are needed, or they may still be taken back.
waiting = _table(
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
opened = _table(
    "opened",
    sa.Column("report", sa.Text, nullable=False),
    sa.Column("leaf", _BIG, nullable=False),
    sa.Column("row", _BIG, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("report", "leaf", "row", "person"),
)

#: What a certificate tells and the log does not, such as a beneficiary's name: erasable.
certificate = _table(
    "certificate",
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("private", sa.Text, nullable=False),
)

#: What this database belongs to (fingerprint of its secret, origin of its log); set once.
identity = _table(
    "identity",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# --- the ledger: one row is one debit and one credit ----------------------------------------------

_SMALL = sa.SmallInteger().with_variant(sa.Integer, "sqlite")


def _sides() -> tuple[sa.ForeignKeyConstraint, ...]:
    """Both accounts of a row are of its asset."""
    return tuple(
        sa.ForeignKeyConstraint([side, "asset"], ["account.id", "account.asset"])
        for side in ("dr", "cr")
    )


#: What is counted: credits of a methodology, vintage and status; grams; points; fen.
asset = _table(
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
account = _table(
    "account",
    sa.Column("id", _BIG, sa.Identity(), primary_key=True),
    sa.Column("debits", _BIG, nullable=False, server_default="0"),
    sa.Column("credits", _BIG, nullable=False, server_default="0"),
    sa.Column("held", _BIG, nullable=False, server_default="0"),
    sa.Column("last_journal", _BIG, nullable=False, server_default="0"),
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
journal = _table(
    "journal",
    sa.Column("id", _BIG, sa.Identity(), primary_key=True),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("fact_seq", _BIG),
    sa.Column("lines", _SMALL, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.CheckConstraint("lines BETWEEN 1 AND 1000", name="lines"),
    sa.Index("ix_journal_fact_seq_id", "fact_seq", "id"),
)

#: An amount from the account ``dr``, which gives, to ``cr``, which gets. A journal's lines come
#: numbered from 0 and all at once; that it is there is checked by the trigger that posts them.
transfer = _table(
    "transfer",
    sa.Column("journal", _BIG, nullable=False),
    sa.Column("dr", _BIG, nullable=False),
    sa.Column("cr", _BIG, nullable=False),
    sa.Column("amount", _BIG, nullable=False),
    sa.Column("asset", sa.Integer, nullable=False),
    sa.Column("line", _SMALL, nullable=False),
    sa.PrimaryKeyConstraint("journal", "line"),
    *_sides(),
    sa.CheckConstraint("amount > 0 AND dr <> cr AND line >= 0", name="sound"),
    sqlite_with_rowid=False,
)

#: A journal that mirrors another one line by line; nothing is reversed twice.
reversal = _table(
    "reversal",
    sa.Column("journal", _BIG, primary_key=True, autoincrement=False),
    sa.Column("reverses", _BIG, nullable=False, unique=True),
)

#: An amount that an account promises to another one until a moment.
hold = _table(
    "hold",
    sa.Column("id", _BIG, sa.Identity(), primary_key=True),
    sa.Column("dr", _BIG, nullable=False),
    sa.Column("cr", _BIG, nullable=False),
    sa.Column("amount", _BIG, nullable=False),
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
hold_end = _table(
    "hold_end",
    sa.Column("hold", _BIG, sa.ForeignKey("hold.id"), primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column(
        "journal", sa.Text, sa.ForeignKey("journal.key", deferrable=True, initially="DEFERRED")
    ),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.CheckConstraint("outcome IN ('posted', 'voided', 'expired')", name="outcome"),
    sa.CheckConstraint("(outcome = 'posted') = (journal IS NOT NULL)", name="journal"),
)

#: A person or other party behind a pseudonym. ``lookup``: keyed hash of who it is; ``nonce``: with
#: the secret outside the database it makes the person's key; ``sealed``: who it is, encrypted.
person = _table(
    "person",
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("lookup", sa.Text, nullable=False, unique=True),
    sa.Column("nonce", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

#: Texts of a record that may be personal (its id, the item's, the note), encrypted for their owner.
personal = _table(
    "personal",
    sa.Column("fact_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Index("ix_personal_person_id", "person_id"),
)

FACTS = (
    fact,
    claim,
    activity,
    quantity,
    life_entry,
    correction,
    checkpoint,
    cosignature,
    identity,
    decision,
    issued,
    block,
    opened,
    asset,
    account,
    journal,
    transfer,
    reversal,
    hold,
    hold_end,
)
#: Rows that change: parties, decisions on their way, and projections of facts.
PARTIES = (person, personal, holding, waiting, certificate, consent)
#: Tables of serial ranges that never overlap.
RANGES = (block, holding)
#: Payload tables, partitioned by ``recorded_at`` on PostgreSQL.
PARTITIONED = (activity, quantity)
PARENTS = tuple(table.name for table in PARTITIONED)
