"""The rules that tell one act told twice, on acts of all kinds."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from carbon.adapters.tabular.typed import identifiers, item_ids
from carbon.domain.activity.duplicates import (
    ITEM_DAYS,
    MASS_SHARE,
    PAIR_DAYS,
    Act,
    same_item_act,
    same_pair_act,
    suspects,
)


@st.composite
def acts(draw):
    """Acts of few items, pairs and sellers, so that they meet; some of them stored."""
    made = []
    for row in range(draw(st.integers(1, 9))):
        act = Act(
            item=draw(st.sampled_from(["", "i1", "i2"])),
            pair=draw(st.sampled_from(["", "p1", "p2"])),
            giver=draw(st.sampled_from(["", "g1", "g2"])),
            day=draw(st.integers(20_000, 20_012)),
            quantity=draw(st.sampled_from([None, 1, 2])),
            mass_kg=draw(st.sampled_from([None, 1.0, 1.02, 1.5])),
            order=f"r{row}",
            row=None if draw(st.booleans()) else row,
        )
        made.append(act)
    return made


@given(acts(), st.randoms())
def test_the_order_of_a_file_does_not_matter(claims, random):
    shuffled = claims[:]
    random.shuffle(shuffled)
    assert suspects(claims) == suspects(shuffled)


@given(acts())
def test_what_is_stored_stands_and_one_of_a_group_stands(claims):
    held = suspects(claims)
    rows = {act.row for act in claims if act.row is not None}
    assert set(held) <= rows
    if all(act.row is not None for act in claims):
        assert len(held) < len(claims)


@given(acts())
def test_every_hold_has_its_reason_and_nothing_that_repeats_stands(claims):
    held = suspects(claims)
    for act in claims:
        others = [o for o in claims if o is not act]
        same_item = [o for o in others if act.item and o.item == act.item and same_item_act(act, o)]
        same_pair = [o for o in others if act.pair and o.pair == act.pair and same_pair_act(act, o)]
        if act.row in held:
            assert same_item if held[act.row] == "item" else same_pair
        elif act.row is not None:
            earlier = [o for o in same_item if o.row is None]
            assert not earlier, "it repeats a stored claim of its item"


@given(acts())
def test_the_rules_know_no_first_and_second(claims):
    for a in claims:
        for b in claims:
            assert same_item_act(a, b) == same_item_act(b, a)
            assert same_pair_act(a, b) == same_pair_act(b, a)


def act(**given):
    return Act(
        **(
            {
                "item": "i",
                "pair": "p",
                "giver": "g",
                "day": 20_000,
                "quantity": 1,
                "mass_kg": 1.0,
                "order": "a",
                "row": 0,
            }
            | given
        )
    )


def test_the_bounds_are_inside():
    assert same_item_act(act(), act(day=20_000 + ITEM_DAYS))
    assert not same_item_act(act(), act(day=20_001 + ITEM_DAYS))
    assert same_pair_act(act(), act(day=20_000 + PAIR_DAYS))
    assert not same_pair_act(act(), act(day=20_001 + PAIR_DAYS))
    assert same_pair_act(act(mass_kg=100.0), act(mass_kg=100.0 * (1 - MASS_SHARE)))
    assert not same_pair_act(act(mass_kg=100.0), act(mass_kg=99.9 * (1 - MASS_SHARE)))
    assert not same_pair_act(act(), act(quantity=2))
    assert not same_pair_act(act(), act(item="other"))
    assert same_pair_act(act(), act(item=""))
    assert not same_item_act(act(), act(giver="other")), "sold on"
    assert same_item_act(act(), act(giver=""))


def test_a_claim_that_is_held_holds_no_other():
    chain = [act(day=20_000 + 5 * n, order=f"r{n}", row=n, pair="") for n in range(3)]
    assert suspects(chain) == {1: "item"}, "the third is ten days after the first"


def folded(text, fold=item_ids):
    return fold(pa.array([text], pa.string()))[0].as_py()


@given(st.text("Aa09-–—‐− ３Ｂ\u200b\t甲", max_size=20))
def test_folding_an_item_id_twice_changes_nothing(text):
    once = folded(text)
    assert once is None or folded(once) == once


def test_dashes_of_items_only():
    spellings = [
        "35-209900-176148-1",
        "352099001761481",
        "35–209900–176148–1",
        "３５－209900-176148‐1",
        "35−209900 176148—1",
    ]
    assert {folded(s) for s in spellings} == {"352099001761481"}
    assert folded("---") == "---", "an id is not folded to nothing"
    assert folded(" ") is None
    assert folded("R-1", identifiers) == "r-1", "other ids keep their dashes"
