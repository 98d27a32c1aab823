"""Discounts: what each takes off which lines, and in which order."""

from domain.commands import AddLine, RemoveLine
from tests.domain.ledger import Used, account
from tests.domain.shell import change, flat, per_unit, terms

PLAN = {"id": "plan", "price": flat("49.00")}
TEN = {"id": "ten", "amount": "10.00"}
FIFTH = {"id": "fifth", "percent": "20"}
JANUARY = "2026-01-31"


def test_each_discount_works_on_what_the_former_left() -> None:
    """(49 - 10) x 0.8 = 31.20, and 49 x 0.8 - 10 = 29.20."""
    first = terms(PLAN, start="2026-01-01", discounts=[TEN, FIFTH])
    assert account(first, JANUARY).lines(0) == [("plan", "charge", "31.20")]
    second = terms(PLAN, start="2026-01-01", discounts=[FIFTH, TEN])
    assert account(second, JANUARY).lines(0) == [("plan", "charge", "29.20")]


def test_a_line_says_what_each_discount_took_off() -> None:
    told = account(terms(PLAN, start="2026-01-01", discounts=[TEN, FIFTH]), JANUARY)
    [line] = told.documents[0].lines
    assert [(step.label, f"{step.amount:f}") for step in line.steps] == [
        ("flat", "49.00"),
        ("discount ten", "-10.00"),
        ("discount fifth, 20 %", "-7.80"),
    ]
    assert line.discounted == (("ten", 1000),)


def test_an_amount_is_split_over_its_lines_by_largest_remainder() -> None:
    """10.00 over 60.00 and 30.00: 6.67 and 3.33."""
    lines = [{"id": "a", "price": flat("60.00")}, {"id": "b", "price": flat("30.00")}]
    told = account(terms(*lines, start="2026-01-01", discounts=[TEN]), JANUARY)
    assert told.lines(0) == [("a", "charge", "53.33"), ("b", "charge", "26.67")]


def test_an_amount_never_takes_more_than_there_is_and_carries_nothing_over() -> None:
    small = {"id": "small", "price": flat("8.00")}
    told = account(terms(small, PLAN, start="2026-01-01", discounts=[{**TEN, "lines": ["small"]}]), JANUARY)
    assert told.lines(0) == [("small", "charge", "0.00"), ("plan", "charge", "49.00")]


def test_a_discount_ends_after_its_periods_and_a_one_off_line_belongs_to_the_first() -> None:
    """10 % off January and February; 5.00 once bears it too."""
    once = {"id": "once", "price": flat("5.00"), "every": "once"}
    agreed = terms(PLAN, once, start="2026-01-01", discounts=[{"id": "launch", "percent": "10", "periods": 2}])
    assert account(agreed, "2026-03-31").totals == [
        ("2026-01-01", "48.60"),
        ("2026-02-01", "44.10"),
        ("2026-03-01", "49.00"),
    ]


def test_a_change_credits_what_was_really_charged_and_its_charge_bears_the_same_share() -> None:
    """90.00 for April: 15 of 30 days are 45.00 back, and 100.00 - 5.00 anew."""
    agreed = terms({"id": "plan", "price": flat("100.00")}, start="2026-04-01", discounts=[TEN])
    told = account(agreed, "2026-05-31", [("2026-04-16", change("plan", price=flat("200.00")))])
    assert told.lines(1) == [("plan", "credit", "-45.00"), ("plan", "charge", "95.00")]
    assert told.totals[2] == ("2026-05-01", "190.00")


def test_a_credit_gives_back_the_share_that_its_own_line_bore() -> None:
    """b bore 3.33 of 10.00: half of 30.00 - 3.33 is 13.335, and a half goes away from zero."""
    lines = [{"id": "a", "price": flat("60.00")}, {"id": "b", "price": flat("30.00")}]
    agreed = terms(*lines, start="2026-04-01", discounts=[TEN])
    told = account(agreed, "2026-04-30", [("2026-04-16", RemoveLine(line="b"))])
    assert told.lines(1) == [("b", "credit", "-13.34")]


def test_a_new_line_bears_its_part_of_an_amount() -> None:
    """15 of 30 days: 30.00 - 5.00."""
    agreed = terms({"id": "a", "price": flat("60.00")}, start="2026-04-01", discounts=[TEN])
    added = AddLine.model_validate({"line": {"id": "b", "price": flat("60.00"), "every": "month", "bill": "advance"}})
    assert account(agreed, "2026-04-30", [("2026-04-16", added)]).lines(1) == [("b", "charge", "25.00")]


def test_a_change_that_waits_for_the_next_invoice_leaves_that_invoice_its_whole_amount() -> None:
    """-45.00 + 95.00 for April, and 200.00 - 10.00 for May."""
    agreed = terms({"id": "plan", "price": flat("100.00")}, start="2026-04-01", discounts=[TEN])
    told = account(agreed, "2026-05-31", [("2026-04-16", change("plan", price=flat("200.00"), invoice="next"))])
    assert told.lines(1) == [("plan", "credit", "-45.00"), ("plan", "charge", "95.00"), ("plan", "charge", "190.00")]
    assert told.revenue == {"2026-04": "140.00", "2026-05": "190.00"}


def test_usage_is_revenue_less_its_discount_in_each_month() -> None:
    """30 % off 100 and 200 units in a quarter."""
    calls = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "every": "quarter", "bill": "arrears"}
    meters = [{"id": "calls", "aggregate": "sum"}]
    agreed = terms(calls, start="2026-01-01", meters=meters, discounts=[{"id": "third", "percent": "30"}])
    told = account(agreed, "2026-04-30", used=[Used("2026-01-10", "100"), Used("2026-02-10", "200")])
    assert told.lines(0) == [("calls", "usage", "210.00")]
    assert told.revenue == {"2026-01": "70.00", "2026-02": "140.00"}
