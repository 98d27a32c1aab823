"""Which terms need an approval; the shares are worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from domain.line import Line
from domain.quote_approval import ApprovalLimits, needs_approval
from domain.terms import Terms
from tests.domain.offered import LIMITS, line, terms, usage


def reasons(agreed: Terms, *listed: dict[str, Any], limits: ApprovalLimits = LIMITS) -> list[tuple[str, str]]:
    lines = [Line.model_validate(one) for one in listed]
    return [(excess.field, excess.message) for excess in needs_approval(agreed, limits, lines)]


def off(percent: str, id_: str = "off", **more: Any) -> dict[str, Any]:
    return {"id": id_, "percent": percent, **more}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"term": {"months": 24}}, []),
        ({"term": {"months": 25}}, [("/term/months", "a term of 25 months, more than 24")]),
        ({"term": None}, []),
        ({"trial_days": 30}, []),
        ({"trial_days": 31}, [("/trial_days", "a free trial of 31 days, more than 30")]),
        ({"payment_terms_days": 45}, []),
        ({"payment_terms_days": 60}, [("/payment_terms_days", "payment terms of 60 days, more than 45")]),
        ({"discounts": [off("20")]}, []),
        ({"discounts": [off("20.01")]}, [("/lines/0", "20.01 percent off plan, more than 20")]),
    ],
)
def test_a_limit_includes_its_own_value(given: dict[str, Any], reason: list[tuple[str, str]]) -> None:
    assert reasons(terms(**given)) == reason


def test_without_limits_nothing_needs_an_approval() -> None:
    agreed = terms(term={"months": 240}, trial_days=700, discounts=[off("100")])
    assert reasons(agreed, limits=ApprovalLimits()) == []


def test_discounts_on_one_line_count_together() -> None:
    """0.85 x 0.85 = 0.7225, so 27.75 percent are off."""
    agreed = terms(discounts=[off("15", "a"), off("15", "b")])
    assert reasons(agreed) == [("/lines/0", "27.75 percent off plan, more than 20")]


def test_a_discount_counts_on_its_own_lines_only() -> None:
    agreed = terms(line("plan"), line("seats"), discounts=[off("30", lines=["seats"])])
    assert reasons(agreed) == [("/lines/1", "30 percent off seats, more than 20")]


def test_a_fixed_amount_is_measured_against_the_lines_that_share_its_invoice() -> None:
    """30.00 off 100.00 + 50.00 is a fifth; off the yearly line of 1,200.00 it is little."""
    agreed = terms(
        line("plan"), line("seats", "50.00"), line("yearly", "1200.00", every="year"), discounts=[off_amount("30.00")]
    )
    assert reasons(agreed) == []
    assert reasons(agreed.model_copy(update={"discounts": terms(discounts=[off_amount("30.15")]).discounts})) == [
        ("/lines/0", "20.1 percent off plan, more than 20"),
        ("/lines/1", "20.1 percent off seats, more than 20"),
    ]


def off_amount(amount: str, **more: Any) -> dict[str, Any]:
    return {"id": "off", "amount": amount, **more}


def test_a_fixed_amount_after_a_percentage_is_measured_against_what_is_left() -> None:
    """100.00 less 10 percent is 90.00; 9.00 of that leaves 0.9 x 0.9 = 0.81."""
    agreed = terms(discounts=[off("10", "a"), off_amount("9.00") | {"id": "b"}])
    limits = ApprovalLimits(discount_percent_max=Decimal("18.99"))
    assert reasons(agreed) == []
    assert reasons(agreed, limits=limits) == [("/lines/0", "19 percent off plan, more than 18.99")]


def test_a_fixed_amount_off_usage_alone_cannot_be_measured() -> None:
    agreed = terms(line("plan"), usage("calls"), discounts=[off_amount("5.00", lines=["calls"])])
    assert reasons(agreed) == [
        ("/discounts/0", "off takes an amount off lines of which nobody knows what they will come to")
    ]


def test_a_percentage_off_usage_counts_as_it_stands() -> None:
    agreed = terms(usage("calls"), discounts=[off("25")])
    assert reasons(agreed) == [("/lines/0", "25 percent off calls, more than 20")]


def test_a_price_below_the_plan_s_is_a_discount_and_adds_to_the_others() -> None:
    """80.00 of 100.00 with 10 percent off is 72.00."""
    assert reasons(terms(line("plan", "80.00")), line("plan")) == []
    assert reasons(terms(line("plan", "79.99")), line("plan")) == [("/lines/0", "20.01 percent off plan, more than 20")]
    assert reasons(terms(line("plan", "80.00"), discounts=[off("10")]), line("plan")) == [
        ("/lines/0", "28 percent off plan, more than 20")
    ]
    assert reasons(terms(line("plan", "130.00"), discounts=[off("30")]), line("plan")) == []


def test_a_price_is_compared_at_the_quantity_that_is_sold() -> None:
    graduated = {"model": "graduated", "tiers": [{"up_to": 10, "unit": "10.00"}, {"up_to": None, "unit": "5.00"}]}
    listed = {**line("plan"), "price": graduated}
    # 20 at 6.50 are 130.00; by the list 10 x 10.00 + 10 x 5.00 = 150.00, so 13.33 percent are off.
    assert reasons(terms(line("plan", "6.50", quantity="20")), listed) == []
    # 5 at 6.50 are 32.50 of 50.00.
    assert reasons(terms(line("plan", "6.50", quantity="5")), listed) == [
        ("/lines/0", "35 percent off plan, more than 20")
    ]


def test_a_phase_that_is_cheaper_than_the_plan_counts_too() -> None:
    cheaper = {"from": "2026-06-01", "lines": {"plan": {"price": {"model": "per_unit", "amount": "50.00"}}}}
    assert reasons(terms(phases=[cheaper]), line("plan")) == [("/lines/0", "50 percent off plan, more than 20")]


def test_another_price_of_usage_than_the_plan_s_always_needs_an_approval() -> None:
    agreed = terms(usage("calls", "0.09"))
    assert reasons(agreed, usage("calls")) == [
        ("/lines/0", "calls has another price than the plan's, and its usage is unknown")
    ]
    assert reasons(agreed, usage("calls", "0.09")) == []
