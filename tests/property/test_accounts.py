"""Whatever three operators do to an account: it acts only after two of them, and never once ended.

A model in a few lines is stepped beside the service, on both engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon.adapters.store import tables as t
from carbon.domain.access import phone_form
from carbon.domain.errors import CarbonError
from carbon.domain.roles import Actor, Role
from carbon.services.accounts.granting import NewAccount

#: Three operators; the account belongs to the last one's person.
PEOPLE = ("1" * 32, "2" * 32, "3" * 32)
ACTS = ("create", "approve", "unfreeze", "freeze", "end")
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2)), max_size=14)
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Model:
    """What an account is, by the rules alone."""

    status: str = "none"
    asked: int | None = None
    pair: tuple[int, int] | None = None

    def step(self, act: str, who: int) -> bool:
        """Do it; whether it may be done."""
        if act == "create":
            if self.status == "none":
                self.status, self.asked = "pending", who
            return True
        if act in ("freeze", "end"):
            return self.stop({"freeze": "frozen", "end": "ended"}[act])
        return self.approve({"approve": "pending", "unfreeze": "frozen"}[act], who)

    def stop(self, status: str) -> bool:
        allowed = self.status != "none" and (self.status != "ended" or status == "ended")
        if allowed:
            self.status, self.asked = status, None
        return allowed

    def approve(self, status: str, who: int) -> bool:
        if self.status == "active":
            return who in (self.pair or ())
        allowed = who != 2 and self.status == status
        if allowed and self.asked not in (None, who):
            self.status, self.pair, self.asked = "active", (self.asked, who), None
        elif allowed:
            self.asked = who
        return allowed


@FEW
@given(steps=STEPS)
def test_an_account_acts_after_two_people_only(system, steps):
    accounts, id_, model = system.accounts, f"a-{uuid4().hex}", Model()
    actors = [Actor(f"operator-{n}", Role.OPERATOR, "platform", p) for n, p in enumerate(PEOPLE)]
    new = NewAccount(id_, Role.ISSUER, "bureau", f"person of {id_}")
    actors[2] = Actor("operator-2", Role.OPERATOR, "platform", system.registry.person(new.identity))
    for act, who in steps:
        what = new if act == "create" else id_
        try:
            getattr(accounts, act)(actors[who], what)
            done = True
        except CarbonError:
            done = False
        assert done is model.step(act, who), (act, who)
        if model.status != "none":
            assert accounts.account(id_).status == model.status, (act, who)
    with system.database.read() as connection:
        permits = connection.execute(sa.select(t.permit).where(t.permit.c.principal == id_)).all()
    assert all(permit.first != permit.second for permit in permits)
    if model.status == "active":
        first, second = (actors[n].person for n in model.pair)
        assert (permits[-1].first, permits[-1].second) == (first, second)


@given(st.from_regex(r"(\+86|0086)? ?1[3-9][0-9]( |-)?[0-9]{4}( |-)?[0-9]{4}", fullmatch=True))
def test_a_mainland_number_has_one_form(text):
    form = phone_form(text)
    assert len(form) == 11
    assert form.isascii()
    assert phone_form(form) == phone_form(f"+86{form}") == phone_form(f"0086 {form}") == form


@given(st.text(max_size=24))
def test_whatever_is_typed_is_a_number_or_refused(text):
    try:
        form = phone_form(text)
    except CarbonError:
        return
    assert phone_form(form) == form


@pytest.mark.parametrize("digits", ["１３８００１３８０００", "١٣٨٠٠١٣٨٠٠٠"])
def test_digits_of_other_scripts_are_none(digits):
    with pytest.raises(CarbonError):
        phone_form(digits)
