"""Documents: what is on them, how each amount came about, what they sum to."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import UnpricedUsage
from domain.invoice import Draft, draft, earned, monthly_value
from domain.prices import Flat, Graduated, PerUnit, Tier
from domain.rating import Usage
from domain.state import Bill, Item
from tests.domain.shell import flat, per_unit, terms

AGREED = terms({"id": "plan", "price": flat("10.00")}, start="2026-01-01")
TAXED = terms({"id": "plan", "price": flat("10.00")}, start="2026-01-01", tax=[{"name": "VAT", "rate": "20"}])
CHARGE = Item(
    line="plan",
    kind="charge",
    bill="advance",
    start=date(2026, 4, 1),
    end=date(2026, 5, 1),
    part_days=30,
    whole_days=30,
    price=PerUnit(model="per_unit", amount=Decimal("6.80")),
    quantity=Decimal(3),
    recognize="daily",
)
USED = replace(CHARGE, kind="usage", bill="arrears", quantity=None, recognize="as_used")
TIERS = Graduated(
    model="graduated",
    tiers=(Tier(up_to=Decimal(100), unit=Decimal("1.00")), Tier(up_to=None, unit=Decimal("0.50"))),
    minimum=Decimal("300.00"),
)


def bill(*items: Item) -> Bill:
    return Bill(1, date(2026, 4, 1), datetime(2026, 4, 1, tzinfo=UTC), date(2026, 4, 1), items)


def drafted(*items: Item, used: str = "0", taxed: bool = False) -> Draft:
    usage = {n: Usage(Decimal(used)) for n, item in enumerate(items) if item.kind == "usage"}
    document = draft(bill(*items), usage, TAXED if taxed else AGREED)
    assert document is not None
    return document


def test_each_line_is_rounded_once() -> None:
    """3 x 6.80 x 10 / 30 = 6.80; 1.025 rounds to 1.03, twice over."""
    fine = replace(CHARGE, price=PerUnit(model="per_unit", amount=Decimal("1.025")), quantity=Decimal(1))
    document = drafted(replace(CHARGE, part_days=10), fine, fine)
    assert [line.net_minor for line in document.lines] == [680, 103, 103]
    assert (document.net_minor, document.total_minor) == (886, 886)


def test_a_credit_mirrors_its_charge() -> None:
    """3 x 6.80 x 7 / 30 = 4.76; half a cent goes away from zero both ways."""
    half = replace(CHARGE, price=Flat(model="flat", amount=Decimal("0.01")), quantity=Decimal(1), part_days=15)
    assert earned(half, None, "USD") == 1
    assert earned(replace(half, kind="credit"), None, "USD") == -1
    assert earned(replace(CHARGE, part_days=7), None, "USD") == 476
    assert earned(replace(CHARGE, part_days=7, kind="credit"), None, "USD") == -476


def test_what_sums_to_less_than_zero_is_a_credit_note_with_positive_amounts_and_its_tax() -> None:
    """20 percent of 13.60."""
    document = drafted(replace(CHARGE, kind="credit"), replace(CHARGE, quantity=Decimal(1)), taxed=True)
    assert document.kind == "credit_note"
    assert [line.net_minor for line in document.lines] == [2040, -680]
    assert (document.net_minor, document.tax_minor, document.total_minor) == (1360, 272, 1632)
    assert document.tax_by_rate == (("VAT", 272),)


def test_what_sums_to_zero_is_an_invoice_of_nothing() -> None:
    document = drafted(replace(CHARGE, kind="credit"), CHARGE, taxed=True)
    assert (document.kind, document.net_minor, document.tax_minor) == ("invoice", 0, 0)
    assert [line.net_minor for line in document.lines] == [-2040, 2040]


def test_inclusive_tax_comes_out_of_the_line() -> None:
    """49.99 - 49.99 / 1.19 = 7.98."""
    agreed = terms(
        {"id": "plan", "price": flat("10.00")},
        start="2026-01-01",
        tax=[{"name": "USt", "rate": "19", "inclusive": True}],
    )
    item = replace(CHARGE, price=Flat(model="flat", amount=Decimal("49.99")))
    document = draft(bill(item), {}, agreed)
    assert document is not None
    assert (document.net_minor, document.tax_minor, document.total_minor) == (4201, 798, 4999)
    assert (document.lines[0].net_minor, document.lines[0].tax_minor) == (4201, 798)


def test_usage_that_costs_nothing_makes_no_line_and_without_lines_there_is_no_document() -> None:
    assert draft(bill(USED), {0: Usage(Decimal(0))}, AGREED) is None
    assert draft(bill(), {}, AGREED) is None
    assert [line.item for line in drafted(USED, CHARGE).lines] == [CHARGE]


def test_a_line_shows_how_its_amount_came_about() -> None:
    """100 x 1.00 + 20 x 0.50 = 110.00, up to a minimum of 300.00."""
    [line] = drafted(replace(USED, price=TIERS), used="120").lines
    assert [(step.label, step.quantity, step.amount) for step in line.steps] == [
        ("up to 100", 100, Decimal("100.00")),
        ("above 100", 20, Decimal("10.00")),
        ("up to the minimum of 300.00", None, Decimal("190.00")),
    ]
    assert (line.net_minor, line.usage) == (30000, Usage(Decimal(120)))


def test_a_part_of_a_period_owes_its_days_of_the_minimum_and_shows_it() -> None:
    """300.00 x 13 / 30 = 130.00; 120 units make 110.00."""
    [line] = drafted(replace(USED, price=TIERS, part_days=13), used="120").lines
    assert line.steps[-1].label == "up to the minimum of 300.00 for 13 of 30 days"
    assert line.steps[-1].amount == Decimal("20.00")
    assert line.net_minor == 13000


def test_a_part_of_a_period_that_used_more_pays_its_usage() -> None:
    """100 x 1.00 + 60 x 0.50 = 130.00, as much as the 13 days' minimum."""
    [line] = drafted(replace(USED, price=TIERS, part_days=13), used="160").lines
    assert [step.label for step in line.steps] == ["up to 100", "above 100"]
    assert line.net_minor == 13000


def test_a_stretch_within_one_day_owes_no_minimum() -> None:
    item = replace(USED, price=TIERS, part_days=0, end=USED.start)
    assert earned(item, Usage(Decimal(5)), "USD") == 500


def test_usage_beyond_the_last_tier_is_an_error_and_never_free() -> None:
    closed = TIERS.model_copy(update={"tiers": TIERS.tiers[:1]})
    with pytest.raises(UnpricedUsage):
        drafted(replace(USED, price=closed), used="101")


@pytest.mark.parametrize(
    ("every", "price", "quantity", "minor"),
    [
        ("month", flat("10.00"), None, 1000),
        ("month", per_unit("38000.00"), 24, 91_200_000),
        ("quarter", flat("100.00"), None, 3333),
        ("year", flat("1000.00"), None, 8333),
        ("month", flat("-5.00"), None, -500),
    ],
)
def test_the_monthly_value_spreads_long_periods(
    every: str, price: dict[str, Any], quantity: int | None, minor: int
) -> None:
    line = {"id": "plan", "price": price, "every": every, "quantity": quantity}
    assert monthly_value(terms(line, start="2026-01-01")) == minor


def test_the_monthly_value_is_rounded_once_and_knows_no_usage() -> None:
    """100.00 / 3 + 100.00 / 3 + 100.00 / 3 = 100.00."""
    quarterly = [{"id": f"q{n}", "price": flat("100.00"), "every": "quarter"} for n in range(3)]
    used = {"id": "calls", "meter": "calls", "bill": "arrears", "price": per_unit("1.00", minimum="50.00")}
    agreed = terms(*quarterly, used, start="2026-01-01", meters=[{"id": "calls", "aggregate": "sum"}])
    assert monthly_value(agreed) == 10000
