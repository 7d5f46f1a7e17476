"""Published and hand-computed figures, formula by formula."""

import doctest

import numpy as np
import pytest

from carbon.domain.activity.record import FIXED_VOCABULARIES
from carbon.domain.quantification import formulas, life_account
from carbon.domain.quantification.formulas import (
    TRANSPORT_WORDS,
    baseline_kg,
    remaining_life,
    transport_amount,
    transport_code,
    transport_word,
    use_kg,
    worst_mass,
)
from carbon.domain.quantification.methodologies import (
    METHODOLOGIES,
    ebay_rec,
    hd_repair,
    mass_metric,
    t_cace_2023,
)

HOME = FIXED_VOCABULARIES["transport_mode"]["home_delivery"]


def array(*values):
    return np.array(values, float)


@pytest.mark.parametrize(
    "module", [formulas, life_account, hd_repair, t_cace_2023, ebay_rec, mass_metric]
)
def test_examples_in_docstrings(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize("mode", FIXED_VOCABULARIES["transport_mode"].codes)
def test_words_and_codes_of_transport_agree(mode):
    masses = array(0.001, 1, 1.001, 2, 14.99, 15, 30, 30.5, 1e4, np.inf)
    number = FIXED_VOCABULARIES["transport_mode"][mode]
    codes = transport_code(np.full(len(masses), number, np.int32), masses, HOME)
    assert [TRANSPORT_WORDS[code] for code in codes] == [transport_word(mode, m) for m in masses]


def test_phone_of_the_methodology():
    """52.8 · 0.5 · 0.5 − 2.8 − 0.72 = 9.68 kg (packing and platform left out)."""
    be = baseline_kg(array(1), array(1), array(52.8), array(0.5), array(0.5))
    assert float(be[0]) - 2.8 - 0.72 == pytest.approx(9.68, abs=1e-9)


def test_tonne_of_clothing_of_the_methodology():
    """22,310 · 0.35 · 0.5 − 152.25 = 3,752 kg; at R = 0.6 of a dropped tonne 2,190 kg."""
    whole = baseline_kg(array(1000), array(1), array(22.31), array(0.35), array(0.5))
    share = baseline_kg(array(1000), array(0.6), array(22.31), array(0.35), array(0.5))
    assert float(whole[0]) - 152.25 == pytest.approx(3752, abs=0.5)
    assert float(share[0]) - 152.25 == pytest.approx(2190, abs=0.5)


def test_published_displays():
    """WE1: consistent with the published 51.903 kg (its inputs are derived). WE2: production of an
    iPhone 11, 72 kg × 0.79 = 56.88 kg (published 56.9). WE4: 0.25.
    """
    assert t_cace_2023.reduction_kg(72 * 0.79, 1.0) == pytest.approx(56.88, abs=1e-9)
    assert t_cace_2023.reduction_kg(73.0 * 0.79, 0.90) == pytest.approx(51.903, abs=1e-9)
    assert ebay_rec.reduction_kg(1.0, 0.5, 0.5) == 0.25


def test_displacement_multiplies_it_never_divides():
    """Trap 8: a lower replacement rate avoids less."""
    low, high = (
        baseline_kg(array(1), array(1), array(10), array(d), array(1)) for d in (0.35, 0.5)
    )
    assert float(low[0]) == 3.5
    assert float(high[0]) == 5.0


def test_remaining_life_never_falls_below_zero():
    assert remaining_life(array(0, 2.5, 9), array(5, 5, 5)).tolist() == [1, 0.5, 0]


@pytest.mark.parametrize(
    ("each_kg", "word"),
    [
        (0.2, "home_delivery_small"),
        (1.0, "home_delivery_small"),
        (1.5, "home_delivery_2kg"),
        (15.0, "home_delivery_15kg"),
        (15.1, "home_delivery_30kg"),
        (80.0, "home_delivery_30kg"),
    ],
)
def test_home_delivery_takes_the_class_that_holds_the_piece(each_kg, word):
    code = transport_code(np.array([HOME], np.int32), array(each_kg), HOME)
    assert TRANSPORT_WORDS[int(code[0])] == word


def test_modes_and_transport_words_are_in_the_same_order():
    modes = FIXED_VOCABULARIES["transport_mode"].codes
    codes = transport_code(np.arange(len(modes), dtype=np.int32), np.full(len(modes), 0.1), HOME)
    words = [TRANSPORT_WORDS[c] for c in codes.tolist()]
    assert [w.replace("home_delivery_small", "home_delivery") for w in words] == modes


def test_what_a_transport_factor_is_multiplied_by():
    words = ("hand", "home_delivery_30kg", "shop_car", "collection", "truck")
    codes = np.array([TRANSPORT_WORDS.index(w) for w in words])
    amount = transport_amount(codes, np.full(5, 2.0), np.full(5, 40.0), np.full(5, 100.0))
    # 2 pieces of 40 kg: 2 trips, 2 × 2 parcels, 0.08 t, 8 tkm
    assert amount.tolist() == [2, 4, 2, 0.08, 8]


def test_mass_not_stated_is_the_heaviest_plausible():
    mass, quantity = array(np.nan, 3, 4), array(2, 2, np.nan)
    by_weight = np.array([False, False, True])
    assert worst_mass(mass, quantity, array(9, 9, np.inf), by_weight).tolist() == [9, 1.5, 4]


def test_use_phase_counts_the_older_device_and_the_one_on_top():
    # 1 piece, 2 years, grid 0.5: (300 − 200) + (1 − 0.5) · 300 = 250 kWh/a → 250 kg
    found = use_kg(array(1), array(2), array(300), array(200), array(0.5), array(0.5))
    assert found.tolist() == [250]
    # a thriftier used device earns nothing for it
    assert use_kg(array(1), array(2), array(100), array(200), array(1), array(0.5)).tolist() == [0]


def test_every_methodology_is_found_and_has_its_documents():
    from conftest import ROOT

    assert set(METHODOLOGIES) == {
        "HD-REUSE",
        "HD-REPAIR",
        "T-CACE-2023",
        "EBAY-REC",
        "MASS-METRIC",
    }
    for name in METHODOLOGIES:
        for suffix in (".md", ".en.md"):
            assert (ROOT / "docs" / "methodology" / f"{name}{suffix}").is_file()
