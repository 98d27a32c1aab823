"""Lines that come and go, changes dated back and ahead, swaps, phases, renewals."""

from datetime import date
from typing import Any

import pytest

from domain.commands import AddLine, ChangeType, RemoveLine, Revise
from domain.line import Line
from tests.domain.shell import Event, change, flat, per_unit, run, summed, terms

PLAN = {"id": "plan", "price": flat("31.00")}


def addition(
    line_id: str, price: dict[str, Any], *, effective: Any = "now", invoice: Any = "now", **more: Any
) -> AddLine:
    line = {"id": line_id, "price": price, "every": "month", "bill": "advance", **more}
    return AddLine(line=Line.model_validate(line), effective=effective, invoice=invoice)


def test_an_added_line_pays_the_rest_of_the_period_and_then_goes_with_it() -> None:
    """16 of 31 days: 50.00 x 16 / 31 = 25.81."""
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", [("2026-01-16", addition("addon", flat("50.00")))])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-16", "25.81"), ("2026-02-01", "81.00")]


def test_a_line_added_on_a_boundary_is_billed_with_everything_else() -> None:
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", [("2026-02-01", addition("addon", flat("50.00")))])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-02-01", "81.00")]


def test_a_yearly_line_added_in_april_ends_with_the_contracts_year() -> None:
    """275 of 365 days from 1 April: 365.00 x 275 / 365."""
    steps = [("2026-04-01", addition("addon", flat("365.00"), every="year"))]
    story = run(terms(PLAN, start="2026-01-01"), "2027-01-01", steps)
    assert ("2026-04-01", "275.00") in story.totals
    assert story.lines_of("2027-01-01")[1] == ("addon", "2027-01-01", "2028-01-01", "365.00")


def test_a_line_added_from_a_day_gone_by_catches_up() -> None:
    """From 16 January: 16.00 of January's 31.00, all of February, and March is billed with the plan."""
    steps = [("2026-02-10", addition("addon", flat("31.00"), effective=date(2026, 1, 16)))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", steps)
    assert story.lines_of("2026-02-10") == [
        ("addon", "2026-01-16", "2026-02-01", "16.00"),
        ("addon", "2026-02-01", "2026-03-01", "31.00"),
    ]
    assert story.totals[-1] == ("2026-03-01", "62.00")


def test_a_removed_line_credits_its_unused_days_and_bills_no_more() -> None:
    """10 of 31 days are left on the 22nd."""
    agreed = terms(PLAN, {"id": "addon", "price": flat("62.00")}, start="2026-01-01")
    story = run(agreed, "2026-02-01", [("2026-01-22", RemoveLine(line="addon"))])
    assert story.totals == [("2026-01-01", "93.00"), ("2026-01-22", "-20.00"), ("2026-02-01", "31.00")]


def test_a_removed_metered_line_bills_what_was_used() -> None:
    calls = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
    agreed = terms(PLAN, calls, start="2026-01-01", meters=[{"id": "calls", "aggregate": "sum"}])
    used = summed(Event("2026-01-05T10:00:00Z", "3"), Event("2026-01-25T10:00:00Z", "4"))
    story = run(agreed, "2026-02-01", [("2026-01-22", RemoveLine(line="calls"))], used)
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-22", "3.00"), ("2026-02-01", "31.00")]


def test_a_swap_credits_the_old_line_and_charges_the_new_one_on_one_invoice() -> None:
    """16 of 31 days: 16.00 back, 32.00 anew."""
    swap = Revise(changes=(addition("pro", flat("62.00")), RemoveLine(line="plan")))
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", [("2026-01-16", swap)])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-16", "16.00"), ("2026-02-01", "62.00")]


def test_a_swap_may_name_the_line_that_goes_first() -> None:
    swap = Revise(changes=(RemoveLine(line="plan"), addition("pro", flat("62.00"))))
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", [("2026-01-16", swap)])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-16", "16.00"), ("2026-02-01", "62.00")]


def test_a_swap_at_the_next_period_moves_no_money_before() -> None:
    swap = Revise(changes=(addition("pro", flat("62.00")), RemoveLine(line="plan")), effective="next_period")
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", [("2026-01-16", swap)])
    assert story.totals == [("2026-01-01", "31.00"), ("2026-02-01", "62.00")]


def test_a_change_from_a_day_gone_by_bills_every_period_since() -> None:
    """From 16 January 32.00 instead of 16.00, all of February 62.00 instead of 31.00."""
    steps = [("2026-02-10", change("plan", price=flat("62.00"), effective="2026-01-16"))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", steps)
    assert story.lines_of("2026-02-10") == [
        ("plan", "2026-01-16", "2026-02-01", "-16.00"),
        ("plan", "2026-01-16", "2026-02-01", "32.00"),
        ("plan", "2026-02-01", "2026-03-01", "-31.00"),
        ("plan", "2026-02-01", "2026-03-01", "62.00"),
    ]
    assert story.totals[-1] == ("2026-03-01", "62.00")


def test_a_change_for_a_day_to_come_takes_effect_on_that_day() -> None:
    """From 22 January 10 of 31 days: 10.00 back, 20.00 anew."""
    steps = [("2026-01-10", change("plan", price=flat("62.00"), effective="2026-01-22"))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", steps)
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-22", "10.00"), ("2026-02-01", "62.00")]


def test_a_to_b_to_a_on_one_day_nets_to_nothing() -> None:
    steps = [("2026-01-16", change("plan", price=flat("99.00"))), ("2026-01-16", change("plan", price=flat("31.00")))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-02-01", steps)
    assert [total for _, total in story.totals] == ["31.00", "35.10", "-35.10", "31.00"]


def test_a_to_b_to_a_of_a_line_in_arrears_leaves_no_trace() -> None:
    steps = [("2026-01-16", change("plan", price=flat("99.00"))), ("2026-01-16", change("plan", price=flat("31.00")))]
    story = run(terms({**PLAN, "bill": "arrears"}, start="2026-01-01"), "2026-02-01", steps)
    assert story.lines_of("2026-02-01") == [("plan", "2026-01-01", "2026-02-01", "31.00")]


def test_a_phase_in_the_middle_of_a_period_bills_the_difference_on_its_day() -> None:
    """16 of 31 days: 16.00 back, 32.00 anew."""
    phases = [{"from": "2026-01-16", "lines": {"plan": {"price": flat("62.00")}}}]
    story = run(terms(PLAN, start="2026-01-01", phases=phases), "2026-02-01")
    assert story.totals == [("2026-01-01", "31.00"), ("2026-01-16", "16.00"), ("2026-02-01", "62.00")]


def test_a_renewal_raises_recurring_prices_by_the_uplift() -> None:
    """31.00 + 10 percent = 34.10, and again 10 percent = 37.51."""
    agreed = terms(PLAN, start="2026-01-01", term={"months": 1, "renew": "auto", "uplift": "10"})
    assert [total for _, total in run(agreed, "2026-03-01").totals] == ["31.00", "34.10", "37.51"]


def test_a_line_billed_once_is_billed_at_the_start_and_never_again() -> None:
    setup = {"id": "setup", "price": flat("500.00"), "every": "once"}
    story = run(
        terms(PLAN, setup, start="2026-01-01"),
        "2026-03-01",
        [("2026-01-16", addition("extra", flat("7.00"), every="once"))],
    )
    assert story.totals == [
        ("2026-01-01", "531.00"),
        ("2026-01-16", "7.00"),
        ("2026-02-01", "31.00"),
        ("2026-03-01", "31.00"),
    ]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (RemoveLine(line="plan"), "plan is the contract's last line"),
        (RemoveLine(line="plum"), "the contract has no line 'plum'"),
        (addition("plan", flat("1.00")), "the contract has a line 'plan' already"),
        (change("plan", quantity=2, effective="2025-12-31"), "effective 2025-12-31 is before 2026-01-01"),
        (change("plan", quantity=2, effective="renewal"), "the contract does not renew"),
    ],
)
def test_a_change_of_lines_that_cannot_be_is_refused(command: ChangeType, why: str) -> None:
    story = run(terms(PLAN, start="2026-01-01"), "2026-01-20", [("2026-01-10", command)])
    assert len(story.refused) == 1
    assert story.refused[0].startswith(why)
    assert story.state.version == 1


@pytest.mark.parametrize(
    ("proration", "on", "totals"),
    [
        # 16 of January's 31 days; 15 of 30; the next boundary only.
        ("day", "2026-01-16", ["31.00", "16.00", "62.00"]),
        ("30_360", "2026-01-16", ["31.00", "15.50", "62.00"]),
        ("none", "2026-01-16", ["31.00", "62.00"]),
        # 15 days and 18 hours of 31 days.
        ("second", "2026-01-16T06:00:00Z", ["31.00", "15.75", "62.00"]),
    ],
)
def test_a_change_is_prorated_as_the_contract_says(proration: str, on: str, totals: list[str]) -> None:
    agreed = terms(PLAN, start="2026-01-01", proration=proration)
    story = run(agreed, "2026-02-01", [(on, change("plan", price=flat("62.00")))])
    assert [total for _, total in story.totals] == totals
