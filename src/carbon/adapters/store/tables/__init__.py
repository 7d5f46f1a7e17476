"""All tables, defined once for both engines; migrations make them, a test compares the two.

*Facts* are appended and never changed (`guards` makes the database refuse it); *parties* are rows
that can be changed and erased. Facts hold pseudonyms and salted digests only.
"""

from __future__ import annotations

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
    opened,
    waiting,
)
from carbon.adapters.store.tables.uploads import mapping, upload

__all__ = [
    "BALANCE",
    "FACTS",
    "MAX_BODY_BYTES",
    "PARENTS",
    "PARTIES",
    "PARTITIONED",
    "RANGES",
    "Day",
    "Instant",
    "account",
    "activity",
    "asset",
    "block",
    "certificate",
    "checkpoint",
    "claim",
    "consent",
    "correction",
    "cosignature",
    "decision",
    "fact",
    "hold",
    "hold_end",
    "holding",
    "identity",
    "instant_text",
    "issued",
    "journal",
    "life_entry",
    "mapping",
    "metadata",
    "opened",
    "person",
    "personal",
    "quantity",
    "reversal",
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
    opened,
    asset,
    account,
    journal,
    transfer,
    reversal,
    hold,
    hold_end,
)
#: Rows that change: parties, decisions and files on their way, and projections of facts.
PARTIES = (person, personal, holding, waiting, certificate, consent, upload, mapping)
#: Tables of serial ranges that never overlap.
RANGES = (block, holding)
#: Payload tables, partitioned by ``recorded_at`` on PostgreSQL.
PARTITIONED = (activity, quantity)
PARENTS = tuple(table.name for table in PARTITIONED)
