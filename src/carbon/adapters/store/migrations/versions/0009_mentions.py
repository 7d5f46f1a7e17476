"""Which decisions name which serials, so that one serial's are found among millions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from carbon.adapters.store.schema import seal

revision = "0009"
down_revision = "0008"

BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table, fill it from the decisions there are, and seal it."""
    mention = op.create_table(
        "mention",
        sa.Column("fact_seq", BIG, nullable=False),
        sa.Column("first", BIG, nullable=False),
        sa.Column("last", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.PrimaryKeyConstraint("fact_seq", "first", "last", name="pk_mention"),
        sa.ForeignKeyConstraint(["fact_seq"], ["decision.fact_seq"], name="fk_mention_fact_seq"),
        sa.CheckConstraint("first > 0 AND last >= first", name=op.f("ck_mention_serials")),
        sa.CheckConstraint(
            "size = length(CAST(last - first + 1 AS text))", name=op.f("ck_mention_size")
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_mention_size_first", "mention", ["size", "first"])
    query = "SELECT f.seq, f.body FROM fact AS f JOIN decision AS d ON d.fact_seq = f.seq"
    for seq, body in op.get_bind().execute(sa.text(query)).all():
        blocks = set(_named(json.loads(bytes(body))["effect"]))
        rows = [
            {"fact_seq": seq, "first": first, "last": last, "size": len(str(last - first + 1))}
            for first, last in sorted(blocks)
        ]
        op.bulk_insert(mention, rows)
    seal(op.get_bind(), ("mention",))


def _named(effect: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    restated = (one["serials"] for one in effect.get("reports", ()))
    for told in (effect.get("serials", ()), *restated):
        yield from ((int(one["first"]), int(one["last"])) for one in told)
