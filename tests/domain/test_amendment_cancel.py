"""The end of a contract by a party's will."""

from datetime import UTC, datetime

import pytest

from domain.due import next_due, service_end
from tests.domain.shell import Event, Steps, cancel, change, flat, per_unit, run, summed, terms

METERS = [{"id": "calls", "aggregate": "sum"}]
PLAN = {"id": "plan", "price": flat("310.00")}
SUPPORT = {"id": "support", "price": flat("310.00"), "bill": "arrears"}
CALLS = {"id": "calls", "meter": "calls", "bill": "arrears", "price": per_unit("0.10")}


def test_cancelled_now_the_unused_days_are_credited() -> None:
    """21 of 31 days of 310.00."""
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-11", cancel("now"))])
    assert story.totals == [("2026-01-01", "310.00"), ("2026-01-11", "-210.00")]
    assert story.lines_of("2026-01-11") == [("plan", "2026-01-11", "2026-02-01", "-210.00")]
    assert story.state.status == "cancelled"
    assert next_due(story.state) is None


def test_cancelled_now_the_credit_bears_its_tax() -> None:
    """29 of 30 days of 200.00 are 193.33, and 25 percent of that 48.33."""
    agreed = terms({"id": "plan", "price": flat("200.00")}, start="2026-04-01", tax=[{"name": "VAT", "rate": "25"}])
    story = run(agreed, "2026-04-05", [("2026-04-02", cancel("now"))])
    assert story.totals == [("2026-04-01", "250.00"), ("2026-04-02", "-241.66")]


def test_cancelled_now_without_credit_nothing_is_given_back() -> None:
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-11", cancel("now", "none"))])
    assert story.totals == [("2026-01-01", "310.00")]
    assert story.state.status == "cancelled"
    assert story.decisions[-1][2].forfeited


def test_cancelled_now_the_used_days_and_the_usage_so_far_are_billed() -> None:
    """10 of 31 days of 310.00; usage counts to the instant, so the 20 calls of that morning are in: 120 x 0.10."""
    usage = summed(
        Event("2026-01-05T10:00:00Z", "100"), Event("2026-01-11T09:00:00Z", "20"), Event("2026-01-11T15:00:00Z", "500")
    )
    agreed = terms(SUPPORT, CALLS, start="2026-01-01", meters=METERS)
    story = run(agreed, "2026-03-01", [("2026-01-11T12:00:00Z", cancel("now"))], usage)
    assert story.totals == [("2026-01-11", "112.00")]
    assert story.lines_of("2026-01-11") == [
        ("support", "2026-01-01", "2026-01-11", "100.00"),
        ("calls", "2026-01-01", "2026-01-11", "12.00"),
    ]


def test_cancelled_now_credit_and_arrears_stand_on_one_document() -> None:
    story = run(terms(PLAN, SUPPORT, start="2026-01-01"), "2026-03-01", [("2026-01-11", cancel("now"))])
    assert story.totals == [("2026-01-01", "310.00"), ("2026-01-11", "-110.00")]


def test_cancelled_now_nothing_accrues_any_more() -> None:
    usage = summed(Event("2026-01-05T10:00:00Z", "100"))
    agreed = terms(SUPPORT, CALLS, start="2026-01-01", meters=METERS)
    *_, (_, _, decision) = run(agreed, "2026-01-20", [("2026-01-11T12:00:00Z", cancel("now"))], usage).decisions
    assert decision.accruals == ()
    assert str(decision.recognise_through) == "2026-01-11"


def test_cancelled_now_lines_for_the_next_invoice_come_along() -> None:
    """Up on the 11th (-210.00 + 420.00, for the next invoice); cancelled on the 21st: 11 of 31 days of 620.00 back."""
    steps: Steps = [("2026-01-11", change("plan", price=flat("620.00"), invoice="next")), ("2026-01-21", cancel("now"))]
    story = run(terms(PLAN, start="2026-01-01"), "2026-03-01", steps)
    assert story.totals == [("2026-01-01", "310.00"), ("2026-01-21", "-10.00")]
    assert story.state.carried == ()


def test_cancelled_now_at_a_boundary_the_period_that_is_over_is_billed_and_no_other() -> None:
    story = run(terms(PLAN, SUPPORT, start="2026-01-01"), "2026-03-01", [("2026-02-01", cancel("now"))])
    assert story.totals == [("2026-01-01", "310.00"), ("2026-02-01", "310.00")]
    assert story.lines_of("2026-02-01") == [("support", "2026-01-01", "2026-02-01", "310.00")]


def test_cancelled_at_the_period_s_end_it_stays_active_until_then() -> None:
    agreed = terms(PLAN, SUPPORT, start="2026-01-01")
    steps = [("2026-01-10", cancel())]
    before = run(agreed, "2026-01-31", steps)
    assert (before.state.status, str(service_end(before.state))) == ("active", "2026-02-01")
    after = run(agreed, "2026-03-01", steps)
    assert after.totals == [("2026-01-01", "310.00"), ("2026-02-01", "310.00")]
    assert after.lines_of("2026-02-01") == [("support", "2026-01-01", "2026-02-01", "310.00")]
    assert after.state.status == "cancelled"


def test_cancelled_at_the_period_s_end_the_longest_period_that_runs_decides() -> None:
    """The quarter is paid for, so the monthly line goes on to its end."""
    agreed = terms(PLAN, {"id": "licence", "price": flat("900.00"), "every": "quarter"}, start="2026-01-01")
    story = run(agreed, "2026-06-01", [("2026-01-10", cancel())])
    assert story.totals == [("2026-01-01", "1210.00"), ("2026-02-01", "310.00"), ("2026-03-01", "310.00")]
    assert str(story.state.ends_on) == "2026-04-01"


def test_cancelled_at_the_period_s_end_the_term_s_end_comes_first() -> None:
    agreed = terms(
        {"id": "licence", "price": flat("900.00"), "every": "quarter"}, start="2026-01-01", term={"months": 2}
    )
    story = run(agreed, "2026-06-01", [("2026-01-10", cancel())])
    assert (str(story.state.ends_on), story.state.status) == ("2026-03-01", "cancelled")


@pytest.mark.parametrize(
    "lines", [[PLAN], [SUPPORT], [CALLS], [PLAN, SUPPORT, CALLS]], ids=["plan", "support", "calls", "all"]
)
def test_cancelled_at_a_boundary_before_it_is_billed_it_ends_there(lines: list[dict[str, object]]) -> None:
    usage = summed(Event("2026-01-05T10:00:00Z", "3100"), Event("2026-02-01T10:00:00Z", "3100"))
    story = run(terms(*lines, start="2026-01-01", meters=METERS), "2026-06-01", [("2026-02-01", cancel())], usage)
    assert (str(story.state.ends_on), story.state.status) == ("2026-02-01", "cancelled")
    assert sum(len(document.lines) for document in story.documents) == len(lines)


@pytest.mark.parametrize(
    "lines", [[PLAN], [SUPPORT], [CALLS], [PLAN, SUPPORT, CALLS]], ids=["plan", "support", "calls", "all"]
)
@pytest.mark.parametrize(
    ("at", "ends_on"), [("2026-01-01T10:00:00Z", "2026-02-01"), ("2026-02-01T10:00:00Z", "2026-03-01")]
)
def test_cancelled_later_on_a_boundary_day_the_period_that_has_begun_is_the_last(
    lines: list[dict[str, object]], at: str, ends_on: str
) -> None:
    agreed = terms(*lines, start="2026-01-01", meters=METERS)
    usage = summed(Event("2026-01-01T05:00:00Z"), Event("2026-02-01T05:00:00Z"))
    story = run(agreed, "2026-06-01", [(at, cancel())], usage)
    assert (str(story.state.ends_on), story.state.status) == (ends_on, "cancelled")


def test_cancelled_twice_it_ends_as_first_said_unless_it_shall_end_now() -> None:
    twice = run(terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-10", cancel()), ("2026-01-12", cancel())])
    assert (str(twice.state.ends_on), len(twice.documents)) == ("2026-02-01", 1)
    sooner = run(
        terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-10", cancel()), ("2026-01-11", cancel("now"))]
    )
    assert (str(sooner.state.ends_on), sooner.totals[-1]) == ("2026-01-11", ("2026-01-11", "-210.00"))
    again = run(
        terms(PLAN, start="2026-01-01"), "2026-03-01", [("2026-01-10", cancel("now")), ("2026-01-12", cancel())]
    )
    assert again.refused == ["the contract is cancelled; it takes no more changes"]


@pytest.mark.parametrize("when", ["now", "period_end"])
def test_cancelled_before_its_start_nothing_is_ever_billed(when: str) -> None:
    story = run(terms(PLAN, start="2026-02-01"), "2026-06-01", [("2026-01-10", cancel(when))])
    assert (story.totals, story.state.status) == ([], "cancelled")


def test_a_cancelled_contract_that_renews_does_not_renew_again() -> None:
    agreed = terms(PLAN, start="2026-01-01", term={"months": 1, "renew": "auto"})
    story = run(agreed, "2026-06-01", [("2026-02-10", cancel())])
    assert (story.state.term_number, story.state.status) == (2, "cancelled")
    assert story.totals == [("2026-01-01", "310.00"), ("2026-02-01", "310.00")]


def test_usage_on_the_day_of_a_cancellation_ends_at_its_instant_in_the_contract_s_zone() -> None:
    agreed = terms(CALLS, start="2026-01-01", meters=METERS, timezone="America/New_York")
    [item] = run(agreed, "2026-03-01", [("2026-01-11T03:00:00Z", cancel("now"))]).items
    assert (str(item.end), item.to_at) == ("2026-01-10", datetime(2026, 1, 11, 3, tzinfo=UTC))
