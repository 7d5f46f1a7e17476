"""Kernel = expression: a published formula gives the very grams the array kernel gave."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon.adapters.simulated import to_table
from carbon.adapters.tabular.chunk import TableChunk
from carbon.adapters.tabular.mapping import Rule, read_mapping
from carbon.adapters.tabular.source import open_source
from carbon.domain.activity.record import COLUMNS, FIXED_VOCABULARIES, vocabularies
from carbon.domain.errors import CarbonError
from carbon.domain.factors.table import RawTable
from carbon.domain.period import day_number
from carbon.domain.quantification import expression
from carbon.domain.quantification.engine import Conditions, Engine
from carbon.domain.quantification.expression import evaluate, names_of, validate
from carbon.domain.quantification.methodologies import METHODOLOGIES, methodology_named
from carbon.domain.quantification.published import formula_bytes, formula_digest
from carbon.domain.quantification.trace import GRAMS
from carbon.domain.simulation import Simulation, simulate
from carbon.files.factor_folder import read_tables
from conftest import FACTORS, PHONE, ROOT, TODAY
from property.test_quantification import batch_of, records
from published_rows import Published

RULES = {c.name: Rule.model_validate({"from": c.name}) for c in COLUMNS}
KILOGRAMS = ("be", "pe", "u", "le")
INVALID = re.escape("formula.invalid")
DAY = date(2026, 10, 1)


def mass_metric(tables) -> RawTable:
    """A metric for every item type, as a folder of one's own would have."""
    some = tables["policy"].rows[0][1]
    rows = [
        {
            **some,
            "key": raw["item_type"],
            **dict.fromkeys(("value", "low", "high"), f"{n}.{n:02d}7"),
            "unit": "kgCO2e/kg",
        }
        for n, (_, raw) in enumerate(
            sorted(tables["items"].rows, key=lambda row: row[1]["item_type"]), 1
        )
    ]
    return RawTable("mass_metric", tables["policy"].header, tuple(enumerate(rows, 2)))


def changed(table: RawTable, change) -> RawTable:
    return replace(table, rows=tuple((n, {**raw, **change(raw)}) for n, raw in table.rows))


def odd_tables(tables) -> dict[str, RawTable]:
    """Rates that contain life, leakage, a preparation row for `none`, a default share of 1."""
    ones = dict.fromkeys(("value", "low", "high"), "1")
    sevens = dict.fromkeys(("value", "low", "high"), "0.07")
    policy = {
        "reuse_share_default": ones,
        "leakage_rate/reuse": sevens,
        "leakage_rate/repair": sevens,
    }
    refurbish = tables["refurbish"]
    none = {**refurbish.rows[0][1], "key": "jeans/none"}
    return tables | {
        "policy": changed(tables["policy"], lambda raw: policy.get(raw["key"], {})),
        "displacement": changed(
            tables["displacement"],
            lambda raw: (
                {"includes": "life"} if raw["key"].startswith(("clothing", "other")) else {}
            ),
        ),
        "refurbish": replace(refurbish, rows=((1, none), *refurbish.rows)),  # sorts before phone
    }


TABLES = read_tables(FACTORS)
TABLES |= {"mass_metric": mass_metric(TABLES)}
CATALOGUES = {"shipped": Published(TABLES), "odd": Published(odd_tables(TABLES))}
ALL = [versions[-1] for versions in METHODOLOGIES.values()]


def engine(methodology, name="shipped", *, demonstration=True, as_of=None) -> Engine:
    conditions = Conditions(day_number(TODAY), demonstration, as_of and day_number(as_of))
    return Engine(CATALOGUES[name].catalogue, methodology, conditions)


ENGINES = {
    (m.id, name, demonstration): engine(m, name, demonstration=demonstration)
    for m in ALL
    for name in CATALOGUES
    for demonstration in (False, True)
}


def differences(published: Published, own: Engine, batch, allowance) -> tuple[int, list[object]]:
    """How many records were accepted, and those whose expression gives other bits or grams."""
    found = own.quantify(batch, allowance)
    with np.errstate(all="ignore"):
        kernel = own.methodology.compute(own._situation(batch, allowance)[0])
    parts = [kernel.baseline_kg, kernel.project_kg, kernel.use_kg, kernel.leakage_kg]
    allowance = np.full(len(batch), np.inf) if allowance is None else allowance
    items = {raw["item_type"]: raw for _, raw in TABLES["items"].rows}
    accepted, wrong = np.flatnonzero(~found.rejected).tolist(), []
    for n in accepted:
        row = published.row(batch, found, n, allowance[n])
        factors = {role: published.tree[number][1] for role, number in row["f"].items()}
        names = names_of(row["in"], items[row["in"]["item_type"]], factors)
        steps = evaluate(own.methodology.steps, names)
        same_bits = [steps[name] for name in KILOGRAMS] == [float(part[n]) for part in parts]
        same_grams = [str(int(steps[name])) for name in GRAMS] == [row[name] for name in GRAMS]
        if not (same_bits and same_grams):
            wrong.append((row, steps))
    return len(accepted), wrong


@pytest.mark.parametrize("methodology", ALL, ids=lambda m: m.id)
@pytest.mark.parametrize("name", CATALOGUES)
@given(
    rows=st.lists(records(), min_size=1, max_size=8),
    demonstration=st.booleans(),
    granted=st.lists(st.one_of(st.just(np.inf), st.floats(0, 1)), min_size=8, max_size=8),
)
def test_of_any_record(methodology, name, rows, demonstration, granted):
    if methodology.id == "HD-REPAIR":
        rows = [row | {"act": "repair"} for row in rows]
    own = ENGINES[methodology.id, name, demonstration]
    allowance = np.array(granted[: len(rows)])
    assert differences(CATALOGUES[name], own, batch_of(rows), allowance)[1] == []


@pytest.fixture(scope="module")
def month():
    table = to_table(next(iter(simulate(Simulation(seed=7)))))
    words = vocabularies(CATALOGUES["shipped"].catalogue)
    return TableChunk(lambda: table, RULES, words, 2).batch()


@pytest.mark.parametrize(
    ("methodology", "demonstration"),
    [pytest.param(m, d, id=f"{m.id}-{d}") for m in ALL for d in (True, False) if d or m.issues],
)
def test_of_a_simulated_month(methodology, month, demonstration):
    random = np.random.Generator(np.random.PCG64(3))
    granted = np.where(
        month.has_item_id & (random.random(len(month)) < 0.5), random.random(len(month)), np.inf
    )
    if methodology.id == "HD-REPAIR":
        repair = np.full(len(month), FIXED_VOCABULARIES["act"]["repair"], np.int32)
        month = replace(month, codes=month.codes | {"act": repair})
    own = engine(methodology, demonstration=demonstration)
    accepted, wrong = differences(CATALOGUES["shipped"], own, month, granted)
    assert wrong == []
    least = {
        "HD-REUSE": 15_000,
        "HD-REPAIR": 20_000,
        "EBAY-REC": 15_000,
        "MASS-METRIC": 15_000,
        "T-CACE-2023": 500,
    }
    assert accepted > least[methodology.id] * (1 if demonstration else 0.8)


@pytest.mark.parametrize(
    ("name", "path", "mapping"),
    [
        ("HD-REPAIR", "open_repair/restart_project_202204.csv", "ords"),
        ("HD-REPAIR", "open_repair/repair_cafe_wales_202507.csv", "ords"),
        ("HD-REUSE", "used_phones/used_device_data.csv", "used-devices"),
        ("EBAY-REC", "used_phones/used_device_data.csv", "used-devices"),
    ],
)
def test_of_real_records(shared, name, path, mapping):
    own = engine(methodology_named(name, DAY), as_of=DAY)
    words = vocabularies(own.catalogue)
    accepted = 0
    for chunk in open_source(shared / path, read_mapping(mapping), words).chunks():
        more, wrong = differences(CATALOGUES["shipped"], own, chunk.batch(), None)
        accepted += more
        assert wrong == []
    assert accepted > 1_000


def test_the_cases_of_the_formula_do_occur():
    """Guard: every branch of both methodologies is taken by some accepted record of the month."""
    seen = {"default_share", "unknown_age_life", "recirculation", "refurbish", "packing", "grid"}
    table = to_table(next(iter(simulate(Simulation(seed=7, days=5)))))
    words = vocabularies(CATALOGUES["shipped"].catalogue)
    batch = TableChunk(lambda: table, RULES, words, 2).batch()
    batch.codes["destination"][::2] = -1
    found = ENGINES["HD-REUSE", "shipped", True].quantify(batch)
    for role in seen:
        used = found.rows[role][~found.rejected] >= 0
        assert used.any(), role
        assert not used.all(), role


@pytest.mark.parametrize("key", ["condition_cap/fair", "reuse_share_default"])
def test_a_policy_that_is_not_there_rejects_the_record(key):
    """A folder of one's own may lack one; the formula could not be evaluated, nor may the kernel."""
    policy = TABLES["policy"]
    rows = tuple(row for row in policy.rows if row[1]["key"] != key)
    catalogue = Published(TABLES | {"policy": replace(policy, rows=rows)}).catalogue
    conditions = Conditions(day_number(TODAY), demonstration=True)
    own = Engine(catalogue, methodology_named("HD-REUSE", TODAY), conditions)
    bag = {
        "item_type": "clothing_kg",
        "act": "donation",
        "process": "none",
        "item_id": "",
        "condition": "",
    }
    found = own.quantify(batch_of([PHONE | bag | {"quantity": "", "mass_kg": "4.5"}]))
    assert [f.code for f in found.findings] == ["factor.missing"]
    assert found.rejected.all()


def test_the_bytes_and_the_digest_are_pinned():
    """Another digest is another formula: a new version, never an edit of one that has issued."""
    digests = {m.name: formula_digest(m)[:16] for m in ALL}
    assert digests == {
        "EBAY-REC v1": "da2c4c17696dcc99",
        "HD-REPAIR v1": "0e9008ef6d4841c4",
        "HD-REUSE v1": "a2ee76cbd9eaf8a0",
        "MASS-METRIC v1": "bf4757378781deb1",
        "T-CACE-2023 v1": "ae5b443bd3c9507e",
    }
    assert all(formula_bytes(m).startswith(b'{"methodology":"') for m in ALL)


@pytest.mark.parametrize("page", ["receipts.md", "receipts.en.md"])
def test_the_page_names_every_operation_and_field(page):
    text = (ROOT / "docs" / page).read_text("utf-8")
    assert [
        word for word in (*expression._OPS, *expression.FIELDS, *GRAMS) if f"`{word}`" not in text
    ] == []


X = ("num", "1")
FIGURES = [(name, X) for name in GRAMS]


@pytest.mark.parametrize(
    "step",
    [
        ("be", "nothing"),
        ("be", ("pow", X, X)),
        ("be", ("add", X)),
        ("be", ("add", X, X, X)),
        ("be", ("num", "0x1")),
        ("be", ("num", 1.0)),
        ("be", ("round", X, ("num", "99"))),
        ("be", ("round", X, "q")),
        ("be", ("is", "q")),
        ("be", ("is", "nothing", "x")),
        ("be", ("is", "q", X)),
        ("be", ("given", X)),
        ("be", ()),
        ("be", (("add",), X, X)),
        ("q", X),
        ("Be", X),
        ("", X),
    ],
    ids=str,
)
def test_an_unsound_formula_is_refused(step):
    with pytest.raises(CarbonError, match=INVALID):
        validate([step, *FIGURES], {"q"})
    validate([("be", "q"), *FIGURES], {"q"})


def test_too_deep_or_without_the_five_figures():
    deep = X
    for _ in range(40):
        deep = ("not", deep)
    for steps in ([("be", deep), *FIGURES], FIGURES[:-1], []):
        with pytest.raises(CarbonError, match=INVALID):
            validate(steps, ())


@pytest.mark.parametrize(
    "expr",
    [
        ("add", "missing", X),
        ("add", "word", X),
        ("add", "yes", X),
        ("div", X, ("num", "0")),
        ("mul", "huge", "huge"),
        ("floor", "infinite"),
        ("round", "huge", ("num", "6")),
        ("if", "word", X, X),
        ("not", X),
        ("lt", "missing", X),
    ],
    ids=str,
)
def test_what_cannot_be_computed_is_an_error(expr):
    names = {"word": "x", "yes": True, "huge": 1e308, "infinite": float("inf")}
    with pytest.raises(CarbonError, match=INVALID):
        evaluate([("x", expr)], names)


@pytest.mark.parametrize("value", ["nan", "inf", "1_000", " 1", "", "0x10", "1e99999"])
def test_a_number_of_a_row_is_a_number(value):
    row = {"quantity": value}
    if value:
        with pytest.raises(CarbonError, match=INVALID):
            names_of(row, {}, {})
    else:
        assert names_of(row, {}, {}) == {"quantity": None}


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (("if", ("given", "missing"), "missing", X), 1.0),
        (("if", ("is", "word", "y", "x"), X, ("div", X, ("num", "0"))), 1.0),
        (("is", "missing", "x"), False),
        (("and", ("given", "word"), ("le", X, X), ("not", ("lt", X, X))), True),
        (("or", ("given", "missing"), "yes"), True),
        (("min", X, ("num", "-2")), -2.0),
        (("max", X, ("num", "-2")), 1.0),
        (("ceil", ("num", "-0.5")), -0.0),
        (("floor", ("num", "-0.5")), -1.0),
        (("round", ("num", "2.5"), ("num", "0")), 2.0),
        ("missing", None),
    ],
    ids=str,
)
def test_operations(expr, expected):
    found = evaluate([("x", expr)], {"word": "x", "yes": True})["x"]
    assert repr(found) == repr(expected)


@given(st.floats(-1e10, 1e10), st.integers(0, 9))
def test_round_is_numpy_s(x, decimals):
    found = evaluate([("x", ("round", "y", ("num", str(decimals))))], {"y": x})["x"]
    assert repr(found) == repr(float(np.round(x, decimals)))
