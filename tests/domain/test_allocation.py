from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.allocation import allocate, largest_remainder

TOTALS = st.integers(-(10**18), 10**18)
WEIGHTS = st.lists(st.integers(0, 10**15), min_size=1, max_size=12).filter(any)


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-10000, [1, 1, 1], [-3334, -3333, -3333]),
        (10000, [50, 25, 75], [3333, 1667, 5000]),
        (8000, [20, 30, 40], [1778, 2667, 3555]),
        (1, [1, 1], [1, 0]),
        (5, [0, 1, 0], [0, 5, 0]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_units_left_over_go_to_the_largest_remainders_and_of_equal_ones_to_the_earlier(
    total: int, weights: list[int], shares: list[int]
) -> None:
    assert allocate(total, weights) == shares


def test_weights_may_be_decimals_and_fractions() -> None:
    """0.1, 0.2 and a third weigh as 3, 6 and 10."""
    assert allocate(1900, [Decimal("0.1"), Decimal("0.2"), Fraction(1, 3)]) == [300, 600, 1000]


def test_weights_beyond_machine_numbers_stay_exact() -> None:
    assert allocate(3, [10**40, 2 * 10**40]) == [1, 2]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1], [2, -1]])
def test_weights_that_give_no_proportion_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="cannot allocate"):
        allocate(100, weights)


@given(TOTALS, WEIGHTS)
def test_shares_sum_to_the_total_and_are_within_one_of_the_exact_part(total: int, weights: list[int]) -> None:
    shares = allocate(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(total * weight, sum(weights))) < 1


@given(TOTALS, WEIGHTS)
def test_a_negative_total_is_split_as_the_mirror_image(total: int, weights: list[int]) -> None:
    assert allocate(-total, weights) == [-share for share in allocate(total, weights)]


@given(TOTALS, WEIGHTS, st.integers(1, 10**6))
def test_only_the_proportion_of_the_weights_counts(total: int, weights: list[int], factor: int) -> None:
    assert allocate(total, [Fraction(weight, factor) for weight in weights]) == allocate(total, weights)


def test_parts_of_either_sign_are_rounded_to_neighbours_that_sum_to_the_total() -> None:
    """-193.5 and 290.25 sum to 96.75, rounded 97: the larger remainder, a half, is rounded up."""
    assert largest_remainder(97, [-77400, 116100], 400) == [-193, 290]


def test_a_total_that_is_no_rounding_of_the_parts_breaks_an_invariant() -> None:
    with pytest.raises(AssertionError, match="not the rounded sum"):
        largest_remainder(10, [1, 1], 1)
