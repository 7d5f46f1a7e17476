"""All tables, defined once for both engines; migrations make them, a test compares the two.

*Facts* are appended and never changed (`guards` makes the database refuse it); what is *kept* never
changes either and ends when it is old; *parties* are rows that can be changed and erased. Facts
hold pseudonyms and salted digests only.
"""

from __future__ import annotations

from carbon.adapters.store.tables.accounts import (
    api_key,
    attempt,
    enrolment,
    external_sign_in,
    external_subject,
    one_time_code,
    password,
    permit,
    phone,
    principal,
    security_event,
    seen_nonce,
    session,
    totp,
)
from carbon.adapters.store.tables.columns import Day, Instant, instant_text, metadata
from carbon.adapters.store.tables.ledger import (
    BALANCE,
    account,
    asset,
    hold,
    hold_end,
    journal,
    reversal,
    transfer,
)
from carbon.adapters.store.tables.parties import (
    consent,
    person,
    personal,
)
from carbon.adapters.store.tables.records import (
    MAX_BODY_BYTES,
    activity,
    checkpoint,
    claim,
    correction,
    cosignature,
    fact,
    identity,
    life_entry,
    quantity,
)
from carbon.adapters.store.tables.registry import (
    block,
    certificate,
    decision,
    holding,
    issued,
    mention,
    opened,
    waiting,
)
from carbon.adapters.store.tables.uploads import mapping, upload
from carbon.adapters.store.tables.work import job_run

__all__ = [
    "BALANCE",
    "FACTS",
    "KEPT",
    "MAX_BODY_BYTES",
    "PARENTS",
    "PARTIES",
    "PARTITIONED",
    "RANGES",
    "Day",
    "Instant",
    "account",
    "activity",
    "api_key",
    "asset",
    "attempt",
    "block",
    "certificate",
    "checkpoint",
    "claim",
    "consent",
    "correction",
    "cosignature",
    "decision",
    "enrolment",
    "external_sign_in",
    "external_subject",
    "fact",
    "hold",
    "hold_end",
    "holding",
    "identity",
    "instant_text",
    "issued",
    "job_run",
    "journal",
    "life_entry",
    "mapping",
    "mention",
    "metadata",
    "one_time_code",
    "opened",
    "password",
    "permit",
    "person",
    "personal",
    "phone",
    "principal",
    "quantity",
    "reversal",
    "security_event",
    "seen_nonce",
    "session",
    "totp",
    "transfer",
    "upload",
    "waiting",
]

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
    mention,
    opened,
    asset,
    account,
    journal,
    transfer,
    reversal,
    hold,
    hold_end,
    permit,
)
#: Rows that change: parties, decisions and files on their way, and projections of facts.
PARTIES = (
    person,
    personal,
    holding,
    waiting,
    certificate,
    consent,
    job_run,
    principal,
    password,
    totp,
    enrolment,
    phone,
    api_key,
    external_subject,
    session,
    one_time_code,
    attempt,
    seen_nonce,
    external_sign_in,
    upload,
    mapping,
)
#: Rows that never change and end after some time (`guards`).
KEPT = (security_event,)
#: Tables of serial ranges that never overlap.
RANGES = (block, holding)
#: Payload tables, partitioned by ``recorded_at`` on PostgreSQL.
PARTITIONED = (activity, quantity)
PARENTS = tuple(table.name for table in PARTITIONED)
