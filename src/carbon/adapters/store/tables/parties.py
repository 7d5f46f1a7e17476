"""Persons behind pseudonyms, and what they chose."""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import Instant, table

#: A person or other party behind a pseudonym. ``lookup``: keyed hash of who it is; ``nonce``: with
#: the secret outside the database it makes the person's key; ``sealed``: who it is, encrypted.
person = table(
    "person",
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("lookup", sa.Text, nullable=False, unique=True),
    sa.Column("nonce", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

#: Texts of a record that may be personal (its id, the item's, the note), encrypted for their owner.
personal = table(
    "personal",
    sa.Column("fact_id", sa.Text, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Index("ix_personal_person_id", "person_id"),
)

#: What a resident does with their grams: ``pooled``, credits to the programme and points to them,
#: or ``kept``, their share of credits to them and no points; by which version of the consent.
consent = table(
    "consent",
    sa.Column("person_id", sa.Text, primary_key=True),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.CheckConstraint("mode IN ('pooled', 'kept')", name="mode"),
)
