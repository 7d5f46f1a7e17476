"""Decisions that name a serial are found among overlapping ranges of any size."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon.adapters.store import tables as t
from carbon.adapters.store.impact import Impacts
from carbon.adapters.store.serials import Serials
from carbon.domain.credit.issuance import Block

AT = datetime(2026, 11, 1, tzinfo=UTC)
#: Lengths about the powers of ten, where a range's size changes.
LENGTHS = st.sampled_from([1, 2, 9, 10, 11, 99, 100, 101, 999, 1_000, 12_345])
RANGES = st.lists(st.builds(lambda first, n: Block(first, first + n - 1), st.integers(1, 1_500), LENGTHS), min_size=1, max_size=8)  # fmt: skip


@pytest.fixture
def undone(system):
    """A transaction that leaves nothing; mentions need no decisions in it."""

    def run(act):
        with system.database.engine.connect() as connection:
            if system.database.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            for seq in range(1, 10):
                _decision(connection, seq)
            act(connection)
            connection.rollback()

    return run


def _decision(connection, seq):
    fact = {"seq": seq, "kind": "transfer", "key": str(seq), "body": b"{}", "recorded_at": AT}
    connection.execute(sa.insert(t.fact), fact)
    connection.execute(
        sa.insert(t.decision), {"fact_seq": seq, "kind": "transfer", "id": str(seq), "first": "a"}
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ranges=RANGES,
    asked=st.builds(lambda a, n: Block(a, a + n - 1), st.integers(1, 14_000), LENGTHS),
)
def test_exactly_those_that_name_one_are_found(undone, ranges, asked):
    def act(connection):
        serials = Serials(connection)
        for seq, block in enumerate(ranges, 1):
            serials.mention([block, block], seq)
        expected = [
            seq
            for seq, block in enumerate(ranges, 1)
            if block.first <= asked.last and asked.first <= block.last
        ]
        assert serials.naming(asked) == expected

    undone(act)


def test_holdings_of_a_block_are_cut_to_it(system):
    rows = [
        {"first": 1, "last": 10, "asset": "c", "account": "a", "hold": None},
        {"first": 11, "last": 11, "asset": "c", "account": "b", "hold": "h"},
        {"first": 20, "last": 29, "asset": "c", "account": "a", "hold": None},
    ]
    with system.database.write() as connection:
        connection.execute(sa.insert(t.holding), rows)
    held = Impacts(system.database).holdings

    def told(*blocks):
        return [(h.block.first, h.block.last, h.account, h.hold) for h in held(blocks)]

    assert told(Block(5, 22)) == [(5, 10, "a", None), (11, 11, "b", "h"), (20, 22, "a", None)]
    assert told(Block(15, 15)) == told(Block(30, 99)) == []
    assert told(Block(29, 40), Block(1, 1)) == [(29, 29, "a", None), (1, 1, "a", None)]
