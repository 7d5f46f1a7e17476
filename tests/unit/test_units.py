import numpy as np
import pytest

from carbon.domain.units import ceil_g, exact_sums, floor_g


def test_grams_round_once_and_in_the_conservative_direction():
    kg = np.array([9.678, 0.0009999, -0.0005, 13.2])
    assert floor_g(kg).tolist() == [9678, 0, -1, 13200]
    assert ceil_g(kg).tolist() == [9678, 1, 0, 13200]


def test_float_noise_below_a_microgram_never_costs_a_gram():
    # 0.1 + 0.2 is 0.30000000000000004 kg; the gram must be 300 in both directions
    assert floor_g(np.array([0.1 + 0.2])).tolist() == [300]
    assert ceil_g(np.array([0.1 + 0.2])).tolist() == [300]


@pytest.mark.parametrize("amount", [1, 2**53 - 1, 2**60])
def test_sums_are_exact_on_both_paths(amount):
    group = np.array([0, 1, 1])
    found = exact_sums(group, np.array([amount, amount, -1]), 3)
    assert found.tolist() == [amount, amount - 1, 0]


def test_sum_of_nothing_is_zero():
    assert exact_sums(np.zeros(0, int), np.zeros(0, np.int64), 2).tolist() == [0, 0]
