"""Accounts, how they prove themselves, and what happened to them.

An account is a *principal* here: ``account`` is the ledger's table. Secrets are sealed with the
principal's own key, which is gone with its ``nonce``; whoever is looked up is a keyed hash.
"""

from __future__ import annotations

import sqlalchemy as sa

from carbon.adapters.store.tables.columns import BIG, Instant, table


def _owner(*, primary: bool = False) -> sa.Column[str]:
    """Whose row it is; it goes with its principal."""
    key = sa.ForeignKey("principal.id", ondelete="CASCADE")
    return sa.Column("principal", sa.Text, key, primary_key=primary, nullable=False)


#: Two people who let an account act: one row when it is made, another after each freeze. A fact.
permit = table(
    "permit",
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("number", BIG, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("organisation", sa.Text, nullable=False),
    sa.Column("first", sa.Text, nullable=False),
    sa.Column("second", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("principal", "number"),
    sa.UniqueConstraint("principal", "number", "role", "organisation"),
    sa.CheckConstraint("second <> first", name="distinct"),
)

#: What acts only with the permit of its present number of freezes; a resident that was never
#: frozen needs none. ``person``: keyed hash of who it is; ``asked``: the person who gave the first
#: of two approvals; ``request``: keyed hash of the request that made it.
principal = table(
    "principal",
    sa.Column("id", sa.Text, primary_key=True),
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
    sa.ForeignKeyConstraint(
        ["id", "permit", "role", "organisation"],
        ["permit.principal", "permit.number", "permit.role", "permit.organisation"],
    ),
    sa.CheckConstraint("status IN ('pending', 'active', 'frozen', 'ended')", name="status"),
    sa.CheckConstraint(
        "status <> 'active' OR (role = 'resident' AND freezes = 0)"
        " OR (permit IS NOT NULL AND permit = freezes)",
        name="two_people",
    ),
    sa.CheckConstraint("freezes >= 0", name="freezes"),
    sa.Index("ix_principal_person", "person"),
)

#: Argon2id, with its parameters and salt in the text.
password = table(
    "password",
    _owner(primary=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

#: Secret of one-time passwords. ``last_step``: the latest one used, none before it is taken.
totp = table(
    "totp",
    _owner(primary=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("last_step", BIG, nullable=False),
)

#: What its holder sets password and one-time passwords with, until their first sign-in.
enrolment = table(
    "enrolment",
    _owner(primary=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)

#: A resident's number: ``lookup`` finds it, ``sealed`` is for contact.
phone = table(
    "phone",
    _owner(primary=True),
    sa.Column("lookup", sa.Text, nullable=False, unique=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

#: Keys that sign requests; the secret is sealed, because a signature is checked with it.
api_key = table(
    "api_key",
    sa.Column("id", sa.Text, primary_key=True),
    _owner(),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("replaces", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("ends_at", Instant),
    sa.Index("ix_api_key_principal", "principal"),
)

#: Who an account is at another identity provider; ``subject``: keyed hash of its name there.
external_subject = table(
    "external_subject",
    sa.Column("subject", sa.Text, primary_key=True),
    _owner(),
    sa.Column("linked_at", Instant, nullable=False),
    sa.Index("ix_external_subject_principal", "principal"),
)

#: Signed-in sessions: SHA-256 of the token, never the token. ``origin``: keyed hash of the network.
session = table(
    "session",
    sa.Column("digest", sa.Text, primary_key=True),
    _owner(),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
    sa.Column("stepped_up_at", Instant),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Index("ix_session_principal", "principal"),
)

#: Codes sent to phones. ``digest``: keyed hash of the code; ``lookup``: of the number; ``origin``:
#: of the network that asked.
one_time_code = table(
    "one_time_code",
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("lookup", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("tries", BIG, nullable=False),
    sa.Column("sent_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_one_time_code_lookup", "lookup", "sent_at"),
    sa.Index("ix_one_time_code_origin", "origin", "sent_at"),
)

#: Tries to prove to be somebody, whether there is such an account or not: ``subject`` is a hash.
attempt = table(
    "attempt",
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("failures", BIG, nullable=False),
    sa.Column("last_at", Instant, nullable=False),
    sa.CheckConstraint("failures BETWEEN 1 AND 5", name="failures"),
)

#: Nonces of signed requests within the window in which they would be accepted again.
seen_nonce = table(
    "seen_nonce",
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.PrimaryKeyConstraint("key", "nonce"),
    sa.Index("ix_seen_nonce_expires_at", "expires_at"),
)

#: Sign-ins under way at another identity provider; ``state``: SHA-256 of what comes back.
external_sign_in = table(
    "external_sign_in",
    sa.Column("state", sa.Text, primary_key=True),
    sa.Column("verifier", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)

#: What happened to accounts, by whom. Never changed; deleted only once it is old enough, which the
#: database checks by its own clock (`guards`): no fact, because it must end, and no mere party.
security_event = table(
    "security_event",
    sa.Column("seq", BIG, sa.Identity(), primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("principal", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.CheckConstraint("outcome IN ('done', 'refused')", name="outcome"),
    sa.Index("ix_security_event_principal", "principal", "seq"),
    sa.Index("ix_security_event_at", "at"),
    sqlite_autoincrement=True,
)
