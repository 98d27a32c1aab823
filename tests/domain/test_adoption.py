"""Contracts that were billed elsewhere so far go on here, with figures worked out by hand."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.contract import Contract
from domain.adoption import Opening, adopt, faults
from domain.books import Books
from domain.commands import Cancel
from domain.due import next_due
from domain.errors import DomainError
from domain.journal import Posting
from domain.metering import Event
from domain.period import boundary
from domain.terms import Terms

JULY = date(2026, 7, 1)


def line(id_: str = "seats", **more: Any) -> dict[str, Any]:
    """A yearly line of 1200.00 in advance unless `more` says otherwise."""
    flat = {"model": "flat", "amount": "1200.00"}
    return {"id": id_, "price": flat, "every": "year", "bill": "advance", **more}


def terms(*lines: dict[str, Any], **more: Any) -> Terms:
    values = {"currency": "EUR", "start": date(2026, 1, 1), "lines": lines or (line(),), **more}
    return Terms.model_validate(values)


def opening(credit: str = "0", **lines: Any) -> Opening:
    """By line: the first day not billed yet, or that and what is deferred."""
    pairs = {name: found if isinstance(found, tuple) else (found, "0") for name, found in lines.items()}
    openings = {name: {"billed_through": day, "deferred": deferred} for name, (day, deferred) in pairs.items()}
    return Opening.model_validate({"lines": openings, "customer_credit": credit})


def adopted(agreed: Terms, brought: Opening, on: date = JULY) -> Contract:
    state, books = adopt(agreed, brought, contract_id="con_1", customer_id="cus_1", on=on)
    contract = Contract(state, books, Contract.signed(agreed).events)
    return contract


def until(contract: Contract, day: date) -> None:
    """All that is due before `day`, and the revenue up to it."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    contract.advance(at)
    contract.recognise(at)


def revenue(books: Books) -> dict[str, int]:
    months: dict[str, int] = defaultdict(int)
    for entry in books.entries:
        for posting in entry.postings:
            if posting.account == "revenue":
                months[f"{entry.posting_on:%Y-%m}"] -= posting.amount_minor
    return dict(months)


def balance(books: Books, account: str) -> int:
    return sum(p.amount_minor for entry in books.entries for p in entry.postings if p.account == account)


def refusals(agreed: Terms, brought: Opening, on: date = JULY) -> dict[str, str]:
    return {fault.field: fault.message for fault in faults(agreed, brought, on=on)}


# Opening balances.


def test_what_was_deferred_is_revenue_of_the_days_that_are_left() -> None:
    """600.00 over the 184 days from July to December: 31 days are 101.0870, 30 are 97.8261; cumulative rounding."""
    contract = adopted(terms(), opening(seats=(date(2027, 1, 1), "600.00")))
    until(contract, date(2026, 12, 31) + timedelta(days=1))
    assert revenue(contract.books) == {
        "2026-07": 101_09,
        "2026-08": 101_08,
        "2026-09": 97_83,
        "2026-10": 101_09,
        "2026-11": 97_82,
        "2026-12": 101_09,
    }
    assert sum(revenue(contract.books).values()) == 600_00
    assert balance(contract.books, "contract_position") == 0
    assert not contract.books.documents


def test_opening_balances_are_one_entry_against_what_was_paid_before() -> None:
    brought = opening("25.50", seats=(date(2027, 1, 1), "600.00"), care=date(2027, 1, 1))
    _, books = adopt(terms(line(), line("care")), brought, contract_id="con_1", customer_id="cus_1", on=JULY)
    [entry] = books.entries
    assert (entry.kind, entry.posting_on, entry.currency, entry.book) == ("adoption", JULY, "EUR", "main")
    assert entry.postings == (
        Posting("cash", 625_50),
        Posting("contract_position", -600_00, "seats"),
        Posting("customer_credit", -25_50),
    )
    [credit] = books.credits.values()
    assert (credit.amount_minor, credit.remaining_minor) == (25_50, 25_50)


def test_without_balances_nothing_is_posted() -> None:
    _, books = adopt(terms(), opening(seats=date(2027, 1, 1)), contract_id="c", customer_id="k", on=JULY)
    assert (books.entries, dict(books.schedules), books.credits) == ([], {}, {})


def test_revenue_by_even_months_goes_on_in_even_months() -> None:
    agreed = terms(line(recognize="monthly_even"))
    contract = adopted(agreed, opening(seats=(date(2027, 1, 1), "600.00")))
    until(contract, date(2027, 1, 1))
    assert set(revenue(contract.books).values()) == {100_00} and len(revenue(contract.books)) == 6


# Going on.


def test_the_next_period_is_billed_once_on_its_day() -> None:
    contract = adopted(terms(), opening("200.00", seats=(date(2027, 1, 1), "600.00")))
    until(contract, date(2027, 12, 31))
    [invoice] = contract.books.documents.values()
    assert (invoice.issued_on, invoice.net_minor) == (date(2027, 1, 1), 1_200_00)
    assert invoice.credit_applied_minor == 200_00
    [billed] = invoice.lines
    assert (billed.starts_on, billed.ends_on) == (date(2027, 1, 1), date(2028, 1, 1))


def test_a_line_in_arrears_bills_the_period_that_runs() -> None:
    """Adopted on 16 July: July is billed here on 1 August, whole."""
    monthly = line(every="month", bill="arrears", price={"model": "flat", "amount": "31.00"})
    contract = adopted(terms(monthly), opening(seats=JULY), on=date(2026, 7, 16))
    due = next_due(contract.state)
    assert due is not None and (due.on, due.reason) == (date(2026, 8, 1), "bill")
    until(contract, date(2026, 9, 1))
    [invoice] = contract.books.documents.values()
    assert (invoice.issued_on, invoice.net_minor) == (date(2026, 8, 1), 31_00)
    assert revenue(contract.books) == {"2026-07": 31_00, "2026-08": 31_00}


def test_arrears_of_the_month_before_may_be_left_to_the_adoption_day() -> None:
    monthly = line(every="month", bill="arrears", price={"model": "flat", "amount": "30.00"})
    contract = adopted(terms(monthly), opening(seats=date(2026, 6, 1)))
    until(contract, date(2026, 7, 2))
    assert [(d.issued_on, d.net_minor) for d in contract.books.documents.values()] == [(JULY, 30_00)]


def test_usage_before_what_was_billed_is_not_billed_again() -> None:
    calls = {"model": "per_unit", "amount": "1.00"}
    agreed = terms(
        line("calls", price=calls, meter="calls", every="month", bill="arrears"),
        meters=[{"id": "calls", "aggregate": "count"}],
    )
    contract = adopted(agreed, opening(calls=JULY), on=date(2026, 7, 10))
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 31)]
    contract.use(
        "calls", [Event(f"e{n}", datetime(d.year, d.month, d.day, 12, tzinfo=UTC)) for n, d in enumerate(days)]
    )
    until(contract, date(2026, 8, 2))
    assert [document.net_minor for document in contract.books.documents.values()] == [2_00]


def test_a_line_that_is_billed_once_is_not_billed_again() -> None:
    contract = adopted(terms(line("setup", every="once")), opening(setup=date(2026, 1, 2)))
    until(contract, date(2028, 1, 1))
    assert not contract.books.documents


def test_the_running_term_is_the_one_that_holds_the_day() -> None:
    """Terms of six months from January: on 1 July the second begins, so the renewal comes next January."""
    agreed = terms(term={"months": 6, "renew": "auto", "uplift": "10"})
    contract = adopted(agreed, opening(seats=date(2027, 1, 1)))
    assert (contract.state.term_number, contract.state.term_ends_on) == (2, date(2027, 1, 1))
    until(contract, date(2027, 1, 2))
    assert [document.net_minor for document in contract.books.documents.values()] == [1_320_00]


def test_a_term_that_ends_bills_nothing_more() -> None:
    agreed = terms(term={"months": 12})
    contract = adopted(agreed, opening(seats=(date(2027, 1, 1), "600.00")))
    until(contract, date(2028, 1, 1))
    assert contract.state.status == "expired"
    assert not contract.books.documents and sum(revenue(contract.books).values()) == 600_00


def test_a_cancellation_credits_days_that_were_billed_elsewhere() -> None:
    """From 1 October 92 of 365 days are left: 1200.00 x 92 / 365 = 302.47 is owed, and no longer revenue."""
    contract = adopted(terms(), opening(seats=(date(2027, 1, 1), "605.00")))
    at = datetime(2026, 10, 1, tzinfo=UTC)
    contract.advance(at)
    contract.apply(Cancel(when="now", credit="unused"), at)
    [note] = contract.books.documents.values()
    assert (note.kind, note.total_minor) == ("credit_note", 302_47)
    assert balance(contract.books, "customer_credit") == -302_47
    assert sum(revenue(contract.books).values()) == 605_00 - 302_47
    assert balance(contract.books, "contract_position") == 0


@given(st.sampled_from(["day", "week", "month", "quarter", "year"]), st.integers(0, 40), st.integers(0, 400))
def test_every_period_after_what_was_billed_is_billed_once(every: Any, index: int, ahead: int) -> None:
    """Whatever the period, the first document bills the day that was not billed yet, and the next follows it."""
    start = date(2020, 1, 31)
    through = boundary(start, every, index)
    on = max(start, through - timedelta(days=ahead))
    contract = adopted(terms(line(every=every), start=start), opening(seats=through), on=on)
    until(contract, boundary(start, every, index + 2))
    periods = [(d.lines[0].starts_on, d.lines[0].ends_on) for d in contract.books.documents.values()]
    assert periods == [(boundary(start, every, index + n), boundary(start, every, index + n + 1)) for n in (0, 1)]


# What is refused.


def test_a_day_between_two_boundaries_is_refused_with_both() -> None:
    found = refusals(terms(line(every="month")), opening(seats=date(2026, 7, 15)))
    message = "no period of seats starts on 2026-07-15; the nearest are 2026-07-01 and 2026-08-01"
    assert found == {"/lines/seats/billed_through": message}


MONTHLY = line(every="month")
ARREARS = line(every="month", bill="arrears")


@pytest.mark.parametrize(
    ("agreed", "brought", "field", "says"),
    [
        (terms(MONTHLY), opening(seats=date(2026, 6, 1)), "/lines/seats/billed_through", "up to 2026-07-01 first"),
        (terms(ARREARS), opening(seats=date(2026, 5, 1)), "/lines/seats/billed_through", "give 2026-07-01"),
        (terms(ARREARS), opening(seats=date(2026, 8, 1)), "/lines/seats/billed_through", "give 2026-07-01"),
        (terms(), opening(seats=date(2025, 1, 1)), "/lines/seats/billed_through", "starts on 2026-01-01"),
        (terms(line(every="once")), opening(seats=date(2026, 1, 1)), "/lines/seats/billed_through", "was due on"),
        (
            terms(term={"months": 12}),
            opening(seats=date(2028, 1, 1)),
            "/lines/seats/billed_through",
            "ends on 2027-01-01",
        ),
        (terms(ARREARS), opening(seats=(JULY, "1.00")), "/lines/seats/deferred", "billed in arrears"),
        (terms(MONTHLY), opening(seats=(JULY, "1.00")), "/lines/seats/deferred", "all of it is earned"),
        (terms(), opening(seats=(date(2027, 1, 1), "1.001")), "/lines/seats/deferred", "decimals of EUR"),
        (
            terms(line(recognize="immediately")),
            opening(seats=(date(2027, 1, 1), "1.00")),
            "/lines/seats/deferred",
            "recognised immediately",
        ),
        (terms(), opening("0.001", seats=date(2027, 1, 1)), "/customer_credit", "decimals of EUR"),
        (terms(), opening("99999999999999999", seats=date(2027, 1, 1)), "/customer_credit", "more than one line"),
        (terms(line(), line("care")), opening(seats=date(2027, 1, 1)), "/lines/care", "is missing"),
        (terms(), opening(seats=date(2027, 1, 1), care=JULY), "/lines/care", "no line 'care'; it has seats"),
        (terms(start=date(2026, 8, 1)), opening(seats=date(2026, 8, 1)), "/terms/start", "sign it"),
        (terms(term={"months": 6}), opening(seats=JULY), "/terms/term", "ended on 2026-07-01"),
        (
            terms(line(recognize="with_contract"), term={"months": 12}),
            opening(seats=date(2027, 1, 1)),
            "/terms/lines/0/recognize",
            "follows the whole term",
        ),
        (
            terms(phases=[{"from": "2026-03-01", "lines": {"seats": {"quantity": "2"}}}]),
            opening(seats=date(2027, 1, 1)),
            "/terms/phases",
            "is in force",
        ),
        (
            terms(commitments=[{"id": "least", "amount": "1", "every": "year", "lines": ["seats"]}]),
            opening(seats=date(2027, 1, 1)),
            "/terms/commitments",
            "not known here",
        ),
    ],
)
def test_what_cannot_be_adopted_is_refused_by_its_field(agreed: Terms, brought: Opening, field: str, says: str) -> None:
    found = refusals(agreed, brought)
    assert found.keys() == {field}
    assert says in found[field]
    with pytest.raises(DomainError) as refused:
        adopt(agreed, brought, contract_id="con_1", customer_id="cus_1", on=JULY)
    assert refused.value.field == field


def test_everything_that_is_wrong_is_told_at_once() -> None:
    brought = opening("0.001", seats=(date(2026, 7, 15), "0.001"), extra=JULY)
    assert refusals(terms(MONTHLY, line("care")), brought).keys() == {
        "/customer_credit",
        "/lines/extra",
        "/lines/seats/billed_through",
        "/lines/seats/deferred",
        "/lines/care",
    }
