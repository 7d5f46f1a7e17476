"""Laws of quantification, over random records."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.mapping import Rule
from carbon.bootstrap.runs import QuantifyRequest, run_quantify
from carbon.domain.activity.record import COLUMNS, Batch, vocabularies
from carbon.domain.period import day_number
from carbon.domain.quantification.engine import Conditions, Engine, Quantities
from carbon.domain.quantification.formulas import baseline_kg, remaining_life
from carbon.domain.quantification.life_account import Claim, settle
from carbon.domain.quantification.methodologies import methodology_named
from carbon.files.factor_folder import read_catalogue
from conftest import FACTORS, PHONE, TODAY, FixedClock, write_csv

CATALOGUE = read_catalogue(FACTORS)
WORDS = vocabularies(CATALOGUE)
GRAMS = ("be_g", "pe_g", "u_g", "le_g", "er_g")
ENGINES = {
    (name, demonstration): Engine(
        CATALOGUE,
        methodology_named(name, TODAY),
        Conditions(today=day_number(TODAY), demonstration=demonstration),
    )
    for name in ("HD-REUSE", "HD-REPAIR")
    for demonstration in (False, True)
}
RULES = {c.name: Rule.model_validate({"from": c.name}) for c in COLUMNS}


def batch_of(rows: list[dict[str, str]]) -> Batch:
    columns = {
        c.name: pa.array([r.get(c.name) or None for r in rows], pa.string()) for c in COLUMNS
    }
    table = pa.table(columns)
    return TableChunk(lambda: table, RULES, WORDS, 2).batch()


def quantify(
    rows: list[dict[str, str]], name: str = "HD-REUSE", *, demonstration=True
) -> Quantities:
    return ENGINES[name, demonstration].quantify(batch_of(rows))


ITEMS = [i for i in CATALOGUE.items if CATALOGUE.history("production", i.item_type)[0].value]


@st.composite
def records(draw) -> dict[str, str]:
    """A record that mostly quantifies: any item type, any act, sound cells."""
    item = draw(st.sampled_from(ITEMS))
    quantity = draw(st.integers(1, 20))
    row = {
        **PHONE,
        "item_type": item.item_type,
        "act": draw(st.sampled_from(["sale", "donation", "share", "trade_in"])),
        "condition": draw(st.sampled_from(["new", "like_new", "good", "fair", ""])),
        "age_years": draw(st.one_of(st.just(""), st.integers(0, 90).map(lambda n: str(n / 10)))),
        "process": "none",
        "transport_mode": draw(st.sampled_from(["hand", "home_delivery", "shop_car", "truck"])),
        "transport_km": str(draw(st.integers(0, 3000))),
        "destination": draw(st.sampled_from(["reuse", ""])),
        "subsidised": "no",
    }
    if item.unit == "kg":
        row |= {"quantity": "", "mass_kg": str(draw(st.integers(1, 500)) / 10)}
    else:
        low, high = float(item.mass_low_kg or 0.1), float(item.mass_high_kg or 100)
        mass = quantity * (low + draw(st.floats(0.05, 0.95)) * (high - low))
        row |= {"quantity": str(quantity), "mass_kg": draw(st.sampled_from(["", f"{mass:.4f}"]))}
    single = row["quantity"] == "1"
    return row | {"item_id": draw(st.sampled_from(["", "item-1"])) if single else ""}


@given(st.lists(records(), min_size=1, max_size=12))
def test_be_minus_pe_u_le_is_er_to_the_gram(rows):
    found = quantify(rows)
    assert (found.er_g == found.be_g - found.pe_g - found.u_g - found.le_g).all()
    sums = found.totals.sums.sum(axis=1)
    assert sums.tolist() == [
        int((~found.rejected).sum()),
        *(int(getattr(found, n).sum()) for n in GRAMS),
    ]


@given(st.lists(records(), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(rows, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    straight, shuffled = quantify(rows), quantify([rows[n] for n in order])
    for name in GRAMS:
        assert (getattr(straight, name)[order] == getattr(shuffled, name)).all()
    assert {k: dict(zip(s.cells.tolist(), s.sums[0].tolist(), strict=True)) for k, s in straight.terms.items()} == {
        k: dict(zip(s.cells.tolist(), s.sums[0].tolist(), strict=True)) for k, s in shuffled.terms.items()
    }  # fmt: skip


@given(st.lists(records(), min_size=2, max_size=12), st.data())
def test_chunks_do_not_matter(rows, data):
    cut = data.draw(st.integers(1, len(rows) - 1))
    whole = quantify(rows)
    parts = [quantify(rows[:cut]), quantify(rows[cut:])]
    for name in GRAMS:
        joined = np.concatenate([getattr(p, name) for p in parts])
        assert (getattr(whole, name) == joined).all()


@given(records(), st.integers(2, 20))
def test_splitting_a_quantity_moves_at_most_a_gram_per_term_and_part(row, pieces):
    """N pieces in one record, or one piece in each of n records."""
    if not row["quantity"]:
        return
    each = f"{float(row['mass_kg']) / int(row['quantity']):.6f}" if row["mass_kg"] else ""
    total = f"{float(each) * pieces:.6f}" if each else ""
    row = row | {"item_id": ""}
    whole = quantify([row | {"quantity": str(pieces), "mass_kg": total}])
    parts = quantify([row | {"quantity": "1", "mass_kg": each}] * pieces)
    if whole.rejected[0] or parts.rejected.any():
        return
    for name in ("be_g", "pe_g", "u_g", "le_g"):
        difference = abs(int(getattr(whole, name)[0]) - int(getattr(parts, name).sum()))
        assert difference <= pieces + 1


OPTIONAL = [c.name for c in COLUMNS if not c.required]


@given(records(), st.sets(st.sampled_from(OPTIONAL), min_size=1), st.booleans())
def test_deleting_a_field_never_raises_er(row, names, demonstration):
    """What is not stated counts as the worst: a record that loses cells is rejected or earns less."""
    poorer = {n: "" if n in names else v for n, v in row.items()}
    found = quantify([row, poorer], demonstration=demonstration)
    if not found.rejected.any():
        assert found.er_g[1] <= found.er_g[0]


@given(records(), st.sampled_from(OPTIONAL))
def test_deleting_a_field_never_raises_er_of_a_repair(row, name):
    row = row | {"act": "repair"}
    found = quantify([row, row | {name: ""}], "HD-REPAIR")
    if not found.rejected.any():
        assert found.er_g[1] <= found.er_g[0]


positive = st.floats(0.001, 1000)
share = st.floats(0.0, 1.0)


@given(positive, positive, share, share, share, share)
def test_more_displacement_or_life_never_avoids_less(q, ef, low_d, high_d, low_l, high_l):
    low_d, high_d = sorted((low_d, high_d))
    low_l, high_l = sorted((low_l, high_l))
    one = np.ones(1)
    least = baseline_kg(q * one, one, ef * one, low_d * one, low_l * one)
    most = baseline_kg(q * one, one, ef * one, high_d * one, high_l * one)
    assert least[0] <= most[0]


@given(st.floats(0.1, 50), st.floats(0, 100), st.floats(0, 100))
def test_an_older_item_never_has_more_life(life, age, more):
    one = np.ones(1)
    assert remaining_life((age + more) * one, life * one) <= remaining_life(age * one, life * one)


claims = st.lists(
    st.builds(
        Claim,
        item=st.sampled_from("ab"),
        day=st.integers(0, 5),
        record_id=st.uuids().map(str),
        row=st.integers(0, 10**9),
        life=share,
        budget=share,
    ),
    unique_by=lambda c: c.row,
    max_size=12,
)


@given(claims)
def test_credited_life_of_an_item_never_exceeds_what_it_had(found):
    granted = settle(found)
    for item in "ab":
        own = [c for c in found if c.item == item]
        if own:
            first = min(own, key=lambda c: (c.day, c.record_id))
            assert sum(granted[c.row] for c in own) <= first.budget + 1e-9
            assert all(0 <= granted[c.row] <= c.life for c in own)


@given(st.lists(records(), min_size=1, max_size=8), st.sampled_from(["HD-REUSE", "HD-REPAIR"]))
def test_uncertainty_terms_add_up_to_the_total(rows, name):
    """The sums that are drawn stand for the very kilograms that were counted."""
    from carbon.domain.quantification.uncertainty import products

    if name == "HD-REPAIR":
        rows = [r | {"act": "repair"} for r in rows]
    found = quantify(rows, name)
    engine = ENGINES[name, True]
    parts = products(engine, found.terms)
    values = {row.id: float(row.value) for p in parts for row in p.rows}
    central = sum(float(p.value(values)) for p in parts)
    assert central * 1000 == pytest.approx(float(found.er_g.sum()), rel=1e-6, abs=4 * len(rows) + 1)


acts = st.lists(
    st.tuples(
        st.sampled_from(["imei-1", "IMEI-1 ", "imei-2"]),
        st.integers(1, 28),
        st.integers(0, 45),
        st.sampled_from(["new", "good", "fair"]),
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=25)
@given(found=acts)
def test_a_whole_file_never_credits_more_life_than_an_item_had(tmp_path_factory, found):
    """Through the program: held-back rows, folded ids, any order in the file."""
    rows = [
        PHONE
        | {"record_id": f"r{n}", "item_id": item, "condition": condition}
        | {"occurred_on": f"2026-10-{day:02d}", "age_years": f"{age / 10:.1f}"}
        for n, (item, day, age, condition) in enumerate(found)
    ]
    folder = tmp_path_factory.mktemp("life")
    source = write_csv(folder / "in.csv", rows)
    request = QuantifyRequest(source=source, out=folder / "out", factors=FACTORS)
    run_quantify(request, lambda *_: None, FixedClock())
    stored = pq.read_table(folder / "out" / "records.parquet").to_pylist()
    assert len(stored) == len(rows)
    for item in {r["item_id"].strip().lower() for r in stored}:
        own = [r for r in stored if r["item_id"].strip().lower() == item]
        first = min(own, key=lambda r: (r["occurred_on"], r["record_id"]))
        assert sum(r["life"] for r in own) <= 1 - first["age_years"] / 5 + 1e-9


def test_the_strategies_do_quantify():
    """Guard: laws over rejected records alone would prove nothing."""
    count = []

    @settings(max_examples=100, database=None)
    @given(records())
    def look(row):
        count.append(not quantify([row]).rejected[0])

    look()
    assert sum(count) > 30
