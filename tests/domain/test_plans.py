"""Revenue that follows the whole term: what runs with the contract, and prices that lines share."""

from typing import Any

from domain.commands import AddLine, Deliver, Pause, Resume
from tests.domain.ledger import account
from tests.domain.shell import Steps, cancel, change, flat, terms

WITH = {"recognize": "with_contract"}


def sharing(id: str, amount: str, ssp: str, **stated: Any) -> dict[str, Any]:
    return {"id": id, "price": flat(amount), "ssp": ssp, **stated}


def delivered(line: str) -> Deliver:
    return Deliver.model_validate({"line": line, "percent": "100"})


def test_a_ramp_is_earned_evenly_over_the_term_and_is_an_asset_first() -> None:
    """100.00 and 300.00 for two months of 31 days."""
    phases = [{"from": "2026-08-01", "lines": {"service": {"price": flat("300.00")}}}]
    service = {"id": "service", "price": flat("100.00"), **WITH}
    told = account(terms(service, start="2026-07-01", term={"months": 2}, phases=phases), "2026-08-31")
    assert told.revenue == {"2026-07": "200.00", "2026-08": "200.00"}
    assert told.balances("2026-07-31") == {"receivable": "100.00", "contract_asset": "100.00", "revenue": "200.00"}
    assert told.balances("2026-08-31") == {"receivable": "400.00", "revenue": "400.00"}


def test_a_discount_of_some_periods_is_spread_over_the_whole_term() -> None:
    """50.00 and 100.00 in two months of 31 days."""
    service = {"id": "service", "price": flat("100.00"), **WITH}
    discounts = [{"id": "launch", "percent": "50", "periods": 1}]
    told = account(terms(service, start="2026-07-01", term={"months": 2}, discounts=discounts), "2026-08-31")
    assert told.revenue == {"2026-07": "75.00", "2026-08": "75.00"}


def test_a_change_spreads_what_was_not_given_over_the_days_left() -> None:
    """31 of 62 days of 620.00 are given in July; the 310.00 and 31.00 more are August's."""
    setup = {"id": "setup", "price": flat("310.00"), **WITH}
    agreed = terms(setup, start="2026-07-01", term={"months": 2})
    told = account(agreed, "2026-08-31", [("2026-08-01", change("setup", price=flat("341.00")))])
    assert told.revenue == {"2026-07": "310.00", "2026-08": "341.00"}


def test_each_term_has_a_plan_of_its_own() -> None:
    """620.00 once in the first two months, then nothing."""
    lines = [{"id": "plan", "price": flat("100.00")}, {"id": "setup", "price": flat("620.00"), "every": "once", **WITH}]
    told = account(terms(*lines, start="2026-07-01", term={"months": 2, "renew": "auto"}), "2026-10-31")
    assert told.revenue_of("setup") == {"2026-07": "310.00", "2026-08": "310.00"}
    assert told.revenue["2026-09"] == "100.00"


def test_a_line_that_comes_later_is_spread_from_its_day_on() -> None:
    """306.00 on 1 March: 306 days are left of the year."""
    service = {"id": "service", "price": flat("0.00"), **WITH}
    extra = {"id": "extra", "price": flat("306.00"), "every": "once", "bill": "advance", **WITH}
    agreed = terms(service, start="2026-01-01", term={"months": 12})
    told = account(agreed, "2026-04-30", [("2026-03-01", AddLine.model_validate({"line": extra}))])
    assert told.revenue == {"2026-03": "31.00", "2026-04": "30.00"}


def test_a_pause_stops_a_plan_and_the_rest_is_given_afterwards() -> None:
    """365.00 for a year: 59 days, then 306.00 over the 245 days from 1 May on."""
    setup = {"id": "setup", "price": flat("365.00"), "every": "once", **WITH}
    agreed = terms({"id": "plan", "price": flat("0.00")}, setup, start="2026-01-01", term={"months": 12})
    told = account(agreed, "2026-12-31", [("2026-03-01", Pause()), ("2026-05-01", Resume())])
    revenue = told.revenue_of("setup")
    assert (revenue["2026-01"], revenue["2026-02"]) == ("31.00", "28.00")
    assert "2026-03" not in revenue and "2026-04" not in revenue
    # 306.00 x 31 / 245 = 38.718…
    assert revenue["2026-05"] == "38.72"
    assert told.balances("2026-12-31") == {"receivable": "365.00", "revenue": "365.00"}


def test_a_cancellation_earns_what_was_billed_and_no_more() -> None:
    """100.00 a month; on 15 February half of February is credited: 150.00 are billed."""
    service = {"id": "service", "price": flat("100.00"), **WITH}
    agreed = terms(service, start="2026-01-01", term={"months": 12})
    told = account(agreed, "2026-03-31", [("2026-02-15", cancel("now"))])
    assert told.balances("2026-03-31") == {"receivable": "150.00", "revenue": "150.00"}
    # 1,200.00 x 31 / 365 = 101.917…
    assert told.revenue == {"2026-01": "101.92", "2026-02": "48.08"}


def test_an_end_that_is_agreed_brings_the_rest_forward() -> None:
    """365.00 with 73 days given by 15 March: 292.00 are left for the 17 days to 1 April."""
    lines = [{"id": "plan", "price": flat("0.00")}, {"id": "setup", "price": flat("365.00"), "every": "once", **WITH}]
    agreed = terms(*lines, start="2026-01-01", term={"months": 12})
    told = account(agreed, "2026-03-31", [("2026-03-15", cancel("period_end"))])
    assert told.revenue == {"2026-01": "31.00", "2026-02": "28.00", "2026-03": "306.00"}
    # 14 days at 1.00, then 292.00 x 2 / 17 = 34.353 for two days.
    early = account(agreed, "2026-03-16", [("2026-03-15", cancel("period_end"))])
    assert early.revenue["2026-03"] == "48.35"


def test_lines_with_stand_alone_prices_share_the_price_of_the_term() -> None:
    """13,500.00 by 12,000 and 3,000: 10,800.00 over twelve months and 2,700.00 when it is delivered."""
    agreed = terms(
        sharing("subscription", "12000.00", "12000.00", every="year", recognize="monthly_even"),
        sharing("onboarding", "1500.00", "3000.00", every="once", recognize="at_delivery"),
        start="2026-01-01",
        term={"months": 12, "renew": "auto"},
    )
    told = account(agreed, "2026-03-31", [("2026-01-20", delivered("onboarding"))])
    assert told.revenue_of("onboarding") == {"2026-01": "2700.00"}
    assert told.revenue_of("subscription") == {"2026-01": "900.00", "2026-02": "900.00", "2026-03": "900.00"}
    assert told.balances("2026-01-31")["deferred_revenue"] == "9900.00"


def test_a_shared_price_makes_an_asset_where_delivery_runs_ahead() -> None:
    """1,500.00 in a year by 1,200 and 600: 500.00 in February, when 500.00 of it are billed."""
    agreed = terms(
        sharing("sub", "100.00", "1200.00"),
        sharing("onboarding", "300.00", "600.00", every="once", recognize="at_delivery"),
        start="2026-01-01",
        term={"months": 12, "renew": "auto"},
    )
    told = account(agreed, "2027-01-31", [("2026-02-10", delivered("onboarding"))])
    # 1,000.00 x 59 / 365 = 161.64 and 500.00.
    assert told.balances("2026-02-28") == {
        "receivable": "500.00",
        "contract_asset": "161.64",
        "revenue": "661.64",
    }
    assert told.balances("2026-12-31") == {"receivable": "1500.00", "revenue": "1500.00"}
    # The next term bills the subscription alone: 1,200.00 x 31 / 365.
    assert told.revenue["2027-01"] == "101.92"


def test_a_change_leaves_what_is_delivered_and_shares_the_rest_by_what_is_left() -> None:
    """130.00 instead of 100.00 from July: 180.00 more, all for the subscription, since the rest is delivered."""
    agreed = terms(
        sharing("sub", "100.00", "1200.00"),
        sharing("onboarding", "300.00", "600.00", every="once", recognize="at_delivery"),
        start="2026-01-01",
        term={"months": 12},
    )
    dearer = change("sub", price=flat("130.00"))
    steps: Steps = [("2026-02-10", delivered("onboarding")), ("2026-07-01", dearer)]
    told = account(agreed, "2026-12-31", steps)
    assert told.revenue_of("onboarding") == {"2026-02": "500.00"}
    # 1,180.00 less 1,000.00 x 181 / 365 = 495.89 are 684.11 over 184 days: 31 of them are 115.26.
    assert told.revenue["2026-07"] == "115.26"
    assert told.balances("2026-12-31")["revenue"] == "1680.00"
    # Not delivered, it bears its share: 1,184.11 by 1,200 x 184 / 365 = 604.93 and 600 are 594.48 and 589.63.
    later: Steps = [("2026-07-01", dearer), ("2026-08-10", delivered("onboarding"))]
    assert account(agreed, "2026-12-31", later).revenue_of("onboarding") == {"2026-08": "589.63"}


def test_without_a_term_the_first_period_is_shared_and_later_ones_are_as_stated() -> None:
    """100.00 and 300.00 by 100 and 100: 200.00 each in January, then 100.00 a month."""
    agreed = terms(
        sharing("sub", "100.00", "100.00"),
        sharing("onboarding", "300.00", "100.00", every="once", recognize="at_delivery"),
        start="2026-01-01",
    )
    told = account(agreed, "2026-03-31", [("2026-02-10", delivered("onboarding"))])
    assert told.revenue_of("sub") == {"2026-01": "200.00", "2026-02": "100.00", "2026-03": "100.00"}
    assert told.revenue_of("onboarding") == {"2026-02": "200.00"}


def test_one_stand_alone_price_alone_shares_nothing() -> None:
    agreed = terms(sharing("sub", "31.00", "9.00"), start="2026-01-01", term={"months": 12})
    told = account(agreed, "2026-01-31")
    assert told.revenue == {"2026-01": "31.00"}
    assert told.books.plans == {}
