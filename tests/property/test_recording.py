"""Records told together are told what they would be told one after another."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon.bootstrap.recording import Ask
from carbon.domain.errors import CarbonError

#: Tells examples apart that share a database.
NUMBERS = count(1)
ASKS = st.lists(
    st.fixed_dictionaries(
        {
            "source": st.sampled_from(["east", "west"]),
            "methodology": st.sampled_from(["HD-REUSE"] * 5 + ["HD-NONE"]),
            "record_id": st.sampled_from(["1", "2", "3", "4", " 4"]),
            "item_id": st.sampled_from(["", "a", "A", "b", "c"]),
            "giver": st.sampled_from(["", "g", "h"]),
            "receiver": st.sampled_from(["", "r"]),
            "occurred_on": st.sampled_from(
                ["2026-10-05", "2026-10-06", "2026-11-01", "2027-11-01"]
            ),
            "age_years": st.sampled_from(["2.5", "3", ""]),
        }
    ),
    min_size=1,
    max_size=7,
)
NAMED = ("record_id", "item_id", "giver", "receiver")


def named(phone, asks, name):
    """The asks as records; ``name`` keeps two tellings of them apart."""
    made = []
    for ask in asks:
        cells = {
            n: v and f"{v}{name}" for n, v in ask.items() if n not in ("source", "methodology")
        }
        cells |= {n: ask[n] for n in cells if n not in NAMED}
        if ask["methodology"] != "HD-REUSE":
            cells["record_id"] += "n"  # turns are kept within a methodology only
        source = ask["source"] + name
        made.append(Ask.of(phone(1, **cells), source, ask["methodology"]))
    return made


def plain(told):
    """What is told, without what names it."""
    if isinstance(told, CarbonError):
        return told.code
    kept = {n: told[n] for n in ("accepted", "known", "rejected", "er_g", "reasons")}
    worth = dict(told.get("record", {}))
    worth.pop("fact", None)
    return kept | worth


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asks=ASKS)
def test_together_or_one_after_another_is_the_same(system, phone, asks):
    number, record_each = next(NUMBERS), system.records.record_each
    together = record_each(named(phone, asks, f"t{number}"))
    in_turn = [told for ask in named(phone, asks, f"s{number}") for told in record_each([ask])]
    assert list(map(plain, together)) == list(map(plain, in_turn))
    again = record_each(named(phone, asks, f"t{number}"))
    for first, second in zip(together, again, strict=True):
        if isinstance(first, dict) and "id" in first:
            assert first == second, "the same request is told the same"
    system.sequence(lambda *_: None)
    assert system.reconcile(lambda *_: None).differences == []
