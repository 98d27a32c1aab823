from random import Random

import pytest

from domain.payment import PaymentStatus, advances

NEWS: list[tuple[int, PaymentStatus]] = [
    (1, "created"),
    (1, "confirming"),
    (1, "requires_action"),
    (1, "failed"),
    (2, "confirming"),
    (2, "processing"),
    (2, "succeeded"),
]


@pytest.mark.parametrize("seed", range(5))
def test_in_whatever_order_news_comes_the_end_is_the_same(seed: int) -> None:
    """200 permutations each."""
    random = Random(seed)
    for _ in range(200):
        known = NEWS[0]
        for news in random.sample(NEWS, len(NEWS)):
            known = news if advances(known, news) else known
        assert known == (2, "succeeded")


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ((1, "confirming"), (1, "failed"), True),
        ((1, "failed"), (1, "processing"), False),
        ((1, "failed"), (1, "failed"), False),
        ((2, "confirming"), (1, "failed"), False),
        ((1, "failed"), (2, "confirming"), True),
        ((2, "confirming"), (1, "succeeded"), True),
        ((1, "succeeded"), (2, "failed"), False),
        ((1, "succeeded"), (1, "canceled"), False),
    ],
)
def test_a_status_only_moves_forward(
    before: tuple[int, PaymentStatus], after: tuple[int, PaymentStatus], moves: bool
) -> None:
    assert advances(before, after) is moves
