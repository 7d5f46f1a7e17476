"""Accounts, how they prove themselves, and what happened to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.schema import seal
from carbon.adapters.store.tables import Instant

revision = "0005"
down_revision = "0004"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables and seal what is never changed."""
    _principals()
    _proofs()
    _passing()
    _events()
    seal(op.get_bind(), ("permit", "security_event"))


def _principals() -> None:
    op.create_table(
        "permit",
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("first", sa.Text, nullable=False),
        sa.Column("second", sa.Text, nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.CheckConstraint("second <> first", name=op.f("ck_permit_distinct")),
        sa.PrimaryKeyConstraint("principal", "number", name="pk_permit"),
        sa.UniqueConstraint(
            "principal",
            "number",
            "role",
            "organisation",
            name="uq_permit_principal_number_role_organisation",
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "principal",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("freezes", BIG, nullable=False),
        sa.Column("permit", BIG),
        sa.Column("asked", sa.Text),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.CheckConstraint(
            "status <> 'active' OR (role = 'resident' AND freezes = 0)"
            " OR (permit IS NOT NULL AND permit = freezes)",
            name=op.f("ck_principal_two_people"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'active', 'frozen', 'ended')", name=op.f("ck_principal_status")
        ),
        sa.CheckConstraint("freezes >= 0", name=op.f("ck_principal_freezes")),
        sa.ForeignKeyConstraint(
            ["id", "permit", "role", "organisation"],
            ["permit.principal", "permit.number", "permit.role", "permit.organisation"],
            name="fk_principal_id_permit_role_organisation",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_principal"),
        sqlite_strict=True,
    )
    op.create_index("ix_principal_person", "principal", ["person"])


def _proofs() -> None:
    op.create_table(
        "password",
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal"], ["principal.id"], name="fk_password_principal", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("principal", name="pk_password"),
        sqlite_strict=True,
    )
    op.create_table(
        "totp",
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("last_step", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal"], ["principal.id"], name="fk_totp_principal", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("principal", name="pk_totp"),
        sqlite_strict=True,
    )
    op.create_table(
        "enrolment",
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal"], ["principal.id"], name="fk_enrolment_principal", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("principal", name="pk_enrolment"),
        sqlite_strict=True,
    )
    op.create_table(
        "phone",
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("lookup", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal"], ["principal.id"], name="fk_phone_principal", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("principal", name="pk_phone"),
        sa.UniqueConstraint("lookup", name="uq_phone_lookup"),
        sqlite_strict=True,
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("replaces", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("ends_at", Instant),
        sa.ForeignKeyConstraint(
            ["principal"], ["principal.id"], name="fk_api_key_principal", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sqlite_strict=True,
    )
    op.create_index("ix_api_key_principal", "api_key", ["principal"])
    op.create_table(
        "external_subject",
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("linked_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal"],
            ["principal.id"],
            name="fk_external_subject_principal",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subject", name="pk_external_subject"),
        sqlite_strict=True,
    )
    op.create_index("ix_external_subject_principal", "external_subject", ["principal"])


def _passing() -> None:
    op.create_table(
        "session",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("stepped_up_at", Instant),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["principal"], ["principal.id"], name="fk_session_principal", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name="pk_session"),
        sqlite_strict=True,
    )
    op.create_index("ix_session_principal", "session", ["principal"])
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("lookup", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("tries", BIG, nullable=False),
        sa.Column("sent_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_code"),
        sqlite_strict=True,
    )
    op.create_index("ix_one_time_code_lookup", "one_time_code", ["lookup", "sent_at"])
    op.create_index("ix_one_time_code_origin", "one_time_code", ["origin", "sent_at"])
    op.create_table(
        "attempt",
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("failures", BIG, nullable=False),
        sa.Column("last_at", Instant, nullable=False),
        sa.CheckConstraint("failures BETWEEN 1 AND 5", name=op.f("ck_attempt_failures")),
        sa.PrimaryKeyConstraint("subject", name="pk_attempt"),
        sqlite_strict=True,
    )
    op.create_table(
        "seen_nonce",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("key", "nonce", name="pk_seen_nonce"),
        sqlite_strict=True,
    )
    op.create_index("ix_seen_nonce_expires_at", "seen_nonce", ["expires_at"])
    op.create_table(
        "external_sign_in",
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("state", name="pk_external_sign_in"),
        sqlite_strict=True,
    )


def _events() -> None:
    op.create_table(
        "security_event",
        sa.Column("seq", BIG, sa.Identity(), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('done', 'refused')", name=op.f("ck_security_event_outcome")
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_security_event"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("ix_security_event_at", "security_event", ["at"])
    op.create_index("ix_security_event_principal", "security_event", ["principal", "seq"])
