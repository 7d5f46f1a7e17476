"""Long random lives of a ledger on both engines, against a model of a few lines.

As many rules try what is forbidden as what is allowed; whatever happens, the invariants hold and
nobody's balance differs from the model's.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from carbon.adapters.store.holds import expire_holds, place_holds, post_hold, void_holds
from carbon.domain.errors import CarbonError
from conftest import new_database, settings_at, upgraded
from ledgers import AT, FEN, GONE, HOLDERS, ISSUER, POINTS, Books, hold, journal, move

ACCOUNTS = (ISSUER, GONE, *HOLDERS)
STEP = timedelta(minutes=10)
accounts, holders = st.sampled_from(ACCOUNTS), st.sampled_from(HOLDERS)
amounts = st.integers(1, 60)
assets = st.sampled_from((POINTS, FEN))
lines = st.lists(st.tuples(accounts, accounts, amounts, assets), min_size=1, max_size=4)


class LedgerMachine(RuleBasedStateMachine):
    """What the ledger does, and what it should."""

    books: Books
    made = 0

    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.start = {a: self.books.amounts(a) for a in (POINTS, FEN)}
        self.amounts = {(a, c): 0 for a in (POINTS, FEN) for c in ACCOUNTS}
        self.journals = {}
        self.reversed: set[str] = set()
        self.open = {}
        self.ended = {}

    # The database lives as long as the machine's class: keys are never reused, and balances are
    # those since the start.
    def key(self) -> str:
        type(self).made += 1
        return f"k{self.made}"

    def free(self, asset: str, code: str) -> int:
        held = sum(h.promised.amount for h in self.open.values() if h.promised.debit == code)
        return self.base(asset, code) + self.amounts[asset, code] - (held if asset == POINTS else 0)

    def base(self, asset: str, code: str) -> int:
        return self.start[asset][code]

    def fits(self, transfers) -> bool:
        change: dict[tuple[str, str], int] = {}
        for one in transfers:
            change[one.asset, one.debit] = change.get((one.asset, one.debit), 0) - one.amount
            change[one.asset, one.credit] = change.get((one.asset, one.credit), 0) + one.amount
        if any(one.debit == GONE for one in transfers):
            return False
        return all(
            self.free(asset, code) + delta >= 0
            for (asset, code), delta in change.items()
            if code in HOLDERS
        )

    def apply(self, transfers) -> None:
        for one in transfers:
            self.amounts[one.asset, one.debit] -= one.amount
            self.amounts[one.asset, one.credit] += one.amount

    def refused(self, code: str, act) -> None:
        with pytest.raises(CarbonError, match=rf"^\[{code}[.\]]"):
            act()

    # --- allowed ----------------------------------------------------------------------------------

    @rule(getter=holders, amount=amounts, asset=assets)
    def issue(self, getter, amount, asset):
        self.enter(journal(self.key(), move(ISSUER, getter, amount, asset)))

    @rule(parts=lines)
    def post(self, parts):
        assume(all(of != to for of, to, *_ in parts))
        made = journal(self.key(), *(move(*part) for part in parts))
        if self.fits(made.lines):
            self.enter(made)
        else:
            self.refused("ledger.insufficient", lambda: self.books.post(made))

    def enter(self, made) -> None:
        assert not self.books.post(made, at=self.now)[0].repeated
        self.journals[made.key] = made
        self.apply(made.lines)

    @precondition(lambda self: self.journals)
    @rule(data=st.data())
    def repeat(self, data):
        made = self.journals[data.draw(st.sampled_from(sorted(self.journals)))]
        assert self.books.post(made, at=self.now)[0].repeated

    @precondition(lambda self: set(self.journals) - self.reversed)
    @rule(data=st.data())
    def reverse(self, data):
        key = data.draw(st.sampled_from(sorted(set(self.journals) - self.reversed)))
        back = self.journals[key].reversal(self.key())
        if back.reverses and self.journals[key].reverses:
            self.refused("ledger", lambda: self.books.post(back))
        elif self.fits(back.lines):
            self.enter(back)
            self.reversed.add(key)
        else:
            self.refused("ledger.insufficient", lambda: self.books.post(back))

    @rule(giver=holders, getter=accounts, amount=amounts)
    def place(self, giver, getter, amount):
        assume(giver != getter)
        made = hold(self.key(), giver, getter, amount, self.now + 2 * STEP)
        act = lambda: self.books.within(lambda c: place_holds(c, [made], self.now))  # noqa: E731
        if self.free(POINTS, giver) >= amount:
            act()
            self.open[made.key] = made
        else:
            self.refused("ledger.insufficient", act)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def use(self, data):
        key = data.draw(st.sampled_from(sorted(self.open)))
        made = self.open[key]
        if made.expires_at > self.now:
            self.books.within(lambda c: post_hold(c, key, self.now))
            self.apply([made.promised])
            self.ended[key] = self.open.pop(key)
        else:
            self.refused(
                "ledger.ended", lambda: self.books.within(lambda c: post_hold(c, key, self.now))
            )

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def void(self, data):
        key = data.draw(st.sampled_from(sorted(self.open)))
        self.books.within(lambda c: void_holds(c, [key], self.now))
        self.ended[key] = self.open.pop(key)

    @rule(steps=st.integers(1, 3))
    def expire(self, steps):
        self.now += steps * STEP
        due = {key for key, made in self.open.items() if made.expires_at <= self.now}
        assert due <= set(self.books.within(lambda c: expire_holds(c, self.now)))
        self.ended |= {key: self.open.pop(key) for key in due}

    # --- forbidden --------------------------------------------------------------------------------

    @rule(giver=holders, getter=accounts, asset=assets, more=amounts)
    def overdraw(self, giver, getter, asset, more):
        assume(giver != getter)
        made = journal(self.key(), move(giver, getter, self.free(asset, giver) + more, asset))
        self.refused("ledger.insufficient", lambda: self.books.post(made))

    @rule(getter=holders, amount=amounts)
    def take_back_what_was_retired(self, getter, amount):
        made = journal(self.key(), move(GONE, getter, amount))
        self.refused("ledger.insufficient", lambda: self.books.post(made))

    @rule(getter=holders, amount=amounts, side=st.booleans())
    def use_an_unknown_account(self, getter, amount, side):
        pair = ("nobody", getter) if side else (getter, "nobody")
        made = journal(self.key(), move(*pair, amount))
        self.refused("ledger.unknown", lambda: self.books.post(made))

    @precondition(lambda self: self.journals)
    @rule(data=st.data(), getter=holders)
    def ask_for_something_else(self, data, getter):
        key = data.draw(st.sampled_from(sorted(self.journals)))
        made = journal(key, move(ISSUER, getter, 10_007))
        self.refused("request.conflict", lambda: self.books.post(made))

    @precondition(lambda self: self.reversed)
    @rule(data=st.data())
    def reverse_again(self, data):
        key = data.draw(st.sampled_from(sorted(self.reversed)))
        back = self.journals[key].reversal(self.key())
        self.refused("ledger", lambda: self.books.post(back))

    @precondition(lambda self: set(self.journals) - self.reversed)
    @rule(data=st.data(), getter=holders)
    def reverse_otherwise(self, data, getter):
        key = data.draw(st.sampled_from(sorted(set(self.journals) - self.reversed)))
        made = journal(self.key(), move(ISSUER, getter, 10_007), reverses=key)
        self.refused("ledger.reversal", lambda: self.books.post(made))

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def use_an_ended_hold(self, data):
        key = data.draw(st.sampled_from(sorted(self.ended)))
        made = journal(self.key(), move(ISSUER, "a", 1), uses=(key,))
        self.refused("ledger.ended", lambda: self.books.post(made))

    @rule(amount=st.one_of(st.integers(-5, 0), st.floats(0.5, 9), st.just(2**63), st.just(None)))
    def move_what_is_no_amount(self, amount):
        self.refused("ledger.form", lambda: move(ISSUER, "a", amount))

    @rule(one=accounts)
    def move_to_oneself(self, one):
        self.refused("ledger.form", lambda: move(one, one, 1))

    # --- always -----------------------------------------------------------------------------------

    @invariant()
    def balances_are_the_models(self):
        for asset in (POINTS, FEN):
            found = self.books.amounts(asset)
            assert found == {c: self.base(asset, c) + self.amounts[asset, c] for c in ACCOUNTS}

    def teardown(self):
        self.books.within(lambda c: void_holds(c, [*self.open], self.now))
        assert self.books.broken() == []


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_ledger_is_the_model(engine, request, tmp_path):
    if engine == "sqlite":
        home = upgraded(settings_at(tmp_path))
    else:
        cluster = request.getfixturevalue("cluster")
        template = request.getfixturevalue("postgresql_template")
        home = settings_at(tmp_path, cluster, new_database(cluster, template))
    machine = type("Machine", (LedgerMachine,), {"books": Books(home)})
    profile = settings(
        max_examples=max(8, settings().max_examples // 10),
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
    )
    machine.TestCase.settings = profile
    try:
        machine.TestCase().runTest()
    finally:
        machine.books.close()
