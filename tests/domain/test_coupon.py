from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.coupon import Coupon, Redeemed, check_redeemable, discount, with_discounts
from domain.errors import DomainError, RefusedChange
from domain.offers import Discount
from domain.terms import Terms

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
SEATS = {"id": "seats", "price": {"model": "per_unit", "amount": "20.00"}, "every": "month", "bill": "advance"}
TERMS = Terms.model_validate({"currency": "USD", "start": "2026-06-01", "lines": [SEATS, {**SEATS, "id": "desks"}]})


def coupon(**changes: Any) -> Coupon:
    return Coupon.model_validate({"code": "SPRING", "percent": "20", **changes})


def test_a_code_is_the_same_in_capital_and_small_letters() -> None:
    assert coupon(code="Spring-26").code == "SPRING-26"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"percent": None}, "either a percent or an amount"),
        ({"amount": "5.00", "currency": "USD"}, "either a percent or an amount"),
        ({"currency": "USD"}, "an amount needs one, a percent none"),
        ({"percent": None, "amount": "5.00"}, "an amount needs one, a percent none"),
        ({"percent": None, "amount": "5.001", "currency": "USD"}, "amount: 5.001 has more than the 2 decimals"),
        ({"percent": "100.1"}, "less than or equal to 100"),
        ({"percent": "0"}, "greater than 0"),
        ({"periods": 0}, "greater than or equal to 1"),
        ({"max_redemptions": 0}, "greater than or equal to 1"),
        ({"lines": ["seats", "seats"]}, "lines: one appears more than once"),
        ({"valid_from": JULY, "valid_until": JULY}, "valid_until: it is not after valid_from"),
        ({"valid_until": "2026-07-01T00:00:00"}, "timezone"),
        ({"code": "TEN %"}, "match pattern"),
    ],
)
def test_a_coupon_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        coupon(**changes)


def test_a_coupon_is_good_from_its_first_instant_up_to_its_last() -> None:
    spring = coupon(valid_from=JUNE, valid_until=JULY)
    check_redeemable(spring, Redeemed(), JUNE)
    check_redeemable(spring, Redeemed(), JULY - timedelta(microseconds=1))
    with pytest.raises(RefusedChange, match="is not valid before 2026-06-01"):
        check_redeemable(spring, Redeemed(), JUNE - timedelta(microseconds=1))
    with pytest.raises(RefusedChange, match="was valid until 2026-07-01"):
        check_redeemable(spring, Redeemed(), JULY)


def test_a_coupon_is_good_as_often_as_its_limit_says() -> None:
    check_redeemable(coupon(max_redemptions=3), Redeemed(2), JUNE)
    with pytest.raises(RefusedChange, match="was redeemed 3 times, its limit"):
        check_redeemable(coupon(max_redemptions=3), Redeemed(3), JUNE)


def test_once_per_customer_looks_at_that_customer_only() -> None:
    check_redeemable(coupon(), Redeemed(2, 1), JUNE)
    check_redeemable(coupon(once_per_customer=True), Redeemed(2, 0), JUNE)
    with pytest.raises(RefusedChange, match="this customer has used it"):
        check_redeemable(coupon(once_per_customer=True), Redeemed(2, 1), JUNE)


def test_a_coupon_that_was_withdrawn_is_good_for_nothing() -> None:
    with pytest.raises(RefusedChange, match="coupon SPRING was withdrawn"):
        check_redeemable(coupon(), Redeemed(active=False), JUNE)


def test_a_coupon_becomes_a_discount_by_its_code() -> None:
    assert discount(coupon(periods=3), TERMS) == Discount(id="SPRING", percent=Decimal(20), periods=3)
    fixed = coupon(percent=None, amount="5.00", currency="USD")
    assert discount(fixed, TERMS) == Discount(id="SPRING", amount=Decimal("5.00"))


def test_of_a_coupons_lines_those_count_that_the_contract_has() -> None:
    assert discount(coupon(lines=["rooms", "desks"]), TERMS).lines == ("desks",)
    with pytest.raises(DomainError, match="is for rooms; the contract has none of these lines"):
        discount(coupon(lines=["rooms"]), TERMS)


def test_an_amount_in_another_currency_than_the_contract_is_refused() -> None:
    with pytest.raises(DomainError, match="coupon SPRING is EUR, the contract is in USD"):
        discount(coupon(percent=None, amount="5.00", currency="EUR"), TERMS)


def test_coupons_come_after_the_discounts_that_were_agreed_on() -> None:
    agreed = Discount(id="partner", percent=Decimal(10))
    both = with_discounts(with_discounts(TERMS, (agreed,)), (discount(coupon(), TERMS),))
    assert [one.id for one in both.discounts] == ["partner", "SPRING"]
    with pytest.raises(DomainError, match="coupons: discounts: SPRING appears more than once"):
        with_discounts(both, (discount(coupon(), TERMS),))
