from datetime import date

from domain.balances import balances, revenue_by_line, revenue_by_month
from domain.journal import Entry, Posting

JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 28)


def entry(on: date, *postings: Posting, contract: str = "con_1") -> Entry:
    return Entry(
        idempotency_key=f"{on}/{contract}/{len(postings)}",
        kind="manual",
        source_type="test",
        source_id="1",
        posting_on=on,
        currency="USD",
        postings=postings,
        contract_id=contract,
    )


def test_balances_are_positive_on_the_usual_side_and_stand_at_the_end_of_the_day() -> None:
    entries = [
        entry(JANUARY, Posting("receivable", 1200), Posting("tax_payable", -200), Posting("contract_position", -1000)),
        entry(FEBRUARY, Posting("gateway_clearing", 700), Posting("cash", 500), Posting("receivable", -1200)),
        entry(FEBRUARY, Posting("refunds", 300), Posting("cash", -300)),
    ]
    january = balances(entries, JANUARY)
    assert (january["receivable"], january["tax_payable"], january["deferred_revenue"]) == (1200, 200, 1000)
    assert (january["cash"], january["bad_debt"], january["gateway_fees"]) == (0, 0, 0)
    february = balances(entries, FEBRUARY)
    assert (february["cash"], february["receivable"], february["refunds"]) == (900, 0, 300)


def test_positions_of_contracts_are_not_netted() -> None:
    entries = [
        entry(JANUARY, Posting("contract_position", -1000, "a"), Posting("revenue", 1000)),
        entry(JANUARY, Posting("contract_position", 400, "b"), Posting("revenue", -400)),
        entry(JANUARY, Posting("contract_position", 250), Posting("revenue", -250), contract="con_2"),
    ]
    found = balances(entries, JANUARY)
    assert (found["deferred_revenue"], found["contract_asset"], found["revenue"]) == (600, 250, -350)


def test_revenue_is_told_by_month_and_by_line_without_contra_accounts() -> None:
    entries = [
        entry(JANUARY, Posting("revenue", -500, "a"), Posting("contract_position", 500, "a")),
        entry(date(2026, 1, 10), Posting("revenue", -100, "b"), Posting("revenue", 40, "a"), Posting("cash", 60)),
        entry(FEBRUARY, Posting("revenue", -7, "b"), Posting("refunds", 7)),
    ]
    assert revenue_by_month(entries) == {date(2026, 1, 1): 560, date(2026, 2, 1): 7}
    assert revenue_by_line(entries) == {
        "a": {date(2026, 1, 1): 460},
        "b": {date(2026, 1, 1): 100, date(2026, 2, 1): 7},
    }
