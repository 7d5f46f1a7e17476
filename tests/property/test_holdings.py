"""Holdings against a plain model: a dictionary of every single serial and its account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.domain.credit.holdings import Holdings, joined
from carbon.domain.credit.issuance import Block
from carbon.domain.errors import CarbonError

ASSETS, ACCOUNTS = ("a", "b"), ("x", "y", "z")
#: Issue so many to an account of an asset, or move a range from one account to another.
ISSUE = st.tuples(st.sampled_from(ASSETS), st.sampled_from(ACCOUNTS), st.integers(1, 6))
MOVE = st.tuples(
    st.sampled_from(ASSETS),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(ACCOUNTS),
    st.integers(1, 30),
    st.integers(1, 8),
)


@given(st.lists(ISSUE, min_size=1, max_size=6), st.lists(MOVE, max_size=12))
def test_every_serial_is_where_the_model_has_it(issues, moves):
    """A move happens where all serials are the giver's, and else changes nothing."""
    holdings, model = Holdings(), {}
    for asset, account, count in issues:
        block = Block(holdings.last + 1, holdings.last + count)
        holdings.issue(asset, account, block)
        model |= dict.fromkeys(range(block.first, block.last + 1), (asset, account))
    for asset, giver, to, first, count in moves:
        wanted = range(first, first + count)
        block = Block(first, first + count - 1)
        if all(model.get(n) == (asset, giver) for n in wanted):
            holdings.move(asset, giver, to, block)
            model |= dict.fromkeys(wanted, (asset, to))
        else:
            with pytest.raises(CarbonError, match=r"serial\.not_held"):
                holdings.move(asset, giver, to, block)
    found = {
        n: (held.asset, held.account)
        for held in holdings
        for n in range(held.block.first, held.block.last + 1)
    }
    assert found == model
    for asset in ASSETS:
        for account in ACCOUNTS:
            assert holdings.count(asset, account) == list(model.values()).count((asset, account))


def test_neighbours_of_one_account_are_told_as_one_range():
    holdings = Holdings()
    for first in (1, 4):
        holdings.issue("a", "x", Block(first, first + 2))
    holdings.issue("a", "y", Block(7, 7))
    assert [(held.block, held.account) for held in joined(holdings)] == [
        (Block(1, 6), "x"),
        (Block(7, 7), "y"),
    ]


@pytest.mark.parametrize("first", [1, 3, 5])
def test_serials_are_issued_one_after_another(first):
    """The next block begins after the last one: none twice, none left out."""
    holdings = Holdings()
    holdings.issue("a", "x", Block(1, 3))
    with pytest.raises(CarbonError, match=r"serial\.next"):
        holdings.issue("a", "x", Block(first, 9))
