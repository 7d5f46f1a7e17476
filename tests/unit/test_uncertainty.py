"""Each factor is drawn once per trial: what shares a factor does not average out."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from carbon.domain.factors.table import FactorRow
from carbon.domain.quantification.uncertainty import (
    Z95,
    Product,
    analytic_sd,
    draw,
    intervals,
    normal_scores,
    significant,
    two_piece,
)

DRAWS = 20_000
#: The first draws of the row `one` (median 10, band 8 to 12) under seed 20260101.
PINNED = [7.78010568, 11.0694427, 11.3740552]


def row(key: str, value: str, low: str, high: str, kind: str = "normal") -> FactorRow:
    return FactorRow(
        "production", key, date(2026, 1, 1), None, True, Decimal(value), Decimal(low),
        Decimal(high), kind, "kgCO2e/item", "none", "", "", "", "creditable", "", "policy", (),
        "s", "", "",
    )  # fmt: skip


def relative_sd(products) -> float:
    found = intervals(products, seed=1, draws=DRAWS, groups=["x"], policy=33)[""]
    return found.sd_g / found.percentiles_g[50]


ONE = row("one", "10", "8", "12")


def test_a_million_rows_of_one_factor_keep_its_relative_uncertainty():
    single = relative_sd([Product("x", 1.0, ((ONE, 1),))])
    million = relative_sd([Product("x", 1_000_000.0, ((ONE, 1),))])
    sigma = (12 - 8) / (2 * Z95) / 10
    assert single == pytest.approx(sigma, rel=0.03)
    assert million == pytest.approx(single, rel=1e-3)


@pytest.mark.parametrize("rows", [1, 100_000])
def test_rows_of_one_factor_do_not_average_out_in_the_engine(rows):
    """The same relative spread for one phone and for a hundred thousand of them."""
    from carbon.domain.activity.record import FIXED_VOCABULARIES, Batch, vocabularies
    from carbon.domain.period import NO_DAY, day_number
    from carbon.domain.quantification.engine import Conditions, Engine
    from carbon.domain.quantification.methodologies import methodology_named
    from carbon.domain.quantification.uncertainty import products
    from carbon.files.factor_folder import read_catalogue
    from conftest import FACTORS, TODAY

    catalogue = read_catalogue(FACTORS)
    methodology = methodology_named("EBAY-REC", TODAY)
    conditions = Conditions(today=day_number(TODAY), demonstration=True)
    engine = Engine(catalogue, methodology, conditions)
    words = vocabularies(catalogue)
    codes = {name: np.full(rows, -1, np.int32) for name in words}
    for name, code in (("item_type", "phone"), ("act", "sale"), ("channel", "shop")):
        codes[name] = np.full(rows, words[name][code], np.int32)
    numbers = {
        n: np.full(rows, np.nan)
        for n in ("quantity", "mass_kg", "age_years", "price_fen", "transport_km")
    }
    numbers["quantity"] = np.ones(rows)
    days = {
        "occurred_on": np.full(rows, day_number(date(2026, 10, 5)), np.int32),
        "returned_on": np.full(rows, NO_DAY, np.int32),
    }
    mask = np.ones(rows, bool)
    found = engine.quantify(Batch(np.arange(rows), codes, numbers, days, mask, mask))
    assert FIXED_VOCABULARIES["act"]["sale"] == 0
    assert int(found.er_g.sum()) == rows * 13_200
    spread = intervals(
        products(engine, found.terms), seed=1, draws=DRAWS, groups=["phones_digital"], policy=33
    )[""]
    phone = catalogue.find("production", "phone", TODAY).row
    assert spread.percentiles_g[5] / spread.percentiles_g[50] == pytest.approx(
        float(phone.low / phone.value), rel=0.02
    )


def test_what_is_left_of_a_life_never_falls_below_zero():
    """An old phone: a short life drawn leaves nothing, it does not leave a debt."""
    life = row("life", "5", "4.16", "6")
    old = [Product("x", 1.0, ((ONE, 1),), spent=4.9, life=life)]
    found = intervals(old, seed=1, draws=DRAWS, groups=["x"], policy=33)[""]
    assert found.percentiles_g[5] == 0
    assert found.percentiles_g[95] > 0


def test_independent_factors_average_as_they_should():
    hundred = [Product("x", 1.0, ((row(f"f{n}", "10", "8", "12"), 1),)) for n in range(100)]
    assert relative_sd(hundred) == pytest.approx(relative_sd(hundred[:1]) / 10, rel=0.1)


def test_the_analytic_check_agrees_with_the_draws():
    d = row("d", "0.5", "0.45", "0.55")
    life = row("life", "5", "4.5", "5.5")
    products = [
        Product("x", 1000.0, ((ONE, 1), (d, 1))),
        Product("x", 400.0, ((ONE, 1), (d, 1)), spent=200.0, life=life),
        Product("x", -50.0, ((row("t", "0.7", "0.6", "0.8"), 1),)),
    ]
    found = intervals(products, seed=3, draws=DRAWS, groups=["x"], policy=33)[""]
    assert found.analytic_sd_g == pytest.approx(found.sd_g, rel=0.05)


def test_percentiles_of_a_factor_are_those_of_its_row():
    for kind in ("normal", "lognormal"):
        values = draw(row("skew", "10", "7", "20", kind), 5, 100_000)
        p5, p50, p95 = np.percentile(values, [5, 50, 95])
        assert (p5, p50, p95) == pytest.approx((7, 10, 20), rel=0.02)


def test_one_sided_bands_stay_one_sided():
    """A capped displacement rate has its value as upper end."""
    values = draw(row("cap", "0.35", "0.28", "0.35"), 5, DRAWS)
    assert values.max() == pytest.approx(0.35)


def test_policies_are_not_drawn():
    assert set(draw(row("p", "33", "33", "33", "fixed"), 1, 100)) == {33.0}
    assert analytic_sd([Product("x", 5.0, ((row("p", "3", "3", "3", "fixed"), 1),))]) == 0


def test_a_draw_depends_on_row_and_seed_alone():
    assert draw(ONE, 7, 100).tolist() == draw(replace(ONE, note="x"), 7, 100).tolist()
    assert draw(ONE, 7, 100).tolist() != draw(ONE, 8, 100).tolist()
    assert draw(ONE, 7, 100).tolist() != draw(replace(ONE, key="two"), 7, 100).tolist()


def test_draws_are_the_published_ones():
    """Pinned: the same on every machine, or receipts would disagree."""
    assert draw(ONE, 20260101, 3).tolist() == PINNED


def test_inverse_normal_is_as_241():
    """Values of the algorithm's own paper and of tables."""
    found = normal_scores(np.array([0.25, 0.001, 1e-20, 0.95, 0.5]))
    expected = [-0.6744897501960817, -3.090232306167814, -9.262340089798408, Z95, 0.0]
    assert found == pytest.approx(expected, rel=1e-14)


def test_nine_significant_digits():
    assert significant(np.array([123456789.4, 0.00012345678949, 0.0])).tolist() == [
        123456789.0,
        0.000123456789,
        0.0,
    ]


def test_a_normal_stays_positive():
    far = two_piece(np.array([-8.0]), 1.0, 0.2, 1.5, "normal")
    assert far.tolist() == pytest.approx([0.02])


def test_a_row_without_a_value_cannot_be_drawn():
    with pytest.raises(ValueError, match="no value"):
        draw(replace(ONE, value=None), 1, 10)
