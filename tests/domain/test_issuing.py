"""Decisions in the books: documents, what they post, customer credit, closed months."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from domain.books import Books
from domain.commands import Cancel, Wake
from domain.contract import decide, sign
from domain.due import next_due
from domain.errors import UnpricedUsage
from domain.issuing import issue, preview
from domain.journal import Posting
from domain.line import Line
from domain.tax import TaxRate
from domain.terms import Terms
from tests.domain.ledger import Told, Used, account
from tests.domain.shell import cancel, change, flat, per_unit, terms

PLAN = {"id": "plan", "price": flat("90.00"), "every": "quarter"}
VAT = [{"name": "VAT", "rate": "20"}]


def test_an_invoice_in_advance_is_a_claim_a_tax_and_something_to_deliver() -> None:
    told = account(terms(PLAN, start="2026-01-01", tax=VAT), "2026-01-31")
    invoice, january = told.books.entries
    assert (invoice.kind, invoice.posting_on, invoice.idempotency_key) == (
        "invoice",
        date(2026, 1, 1),
        f"invoice/{told.documents[0].id}",
    )
    assert set(invoice.postings) == {
        Posting("receivable", 10800),
        Posting("contract_position", -9000, "plan"),
        Posting("tax_payable", -1800),
    }
    assert (january.kind, january.posting_on) == ("recognition", date(2026, 1, 31))
    assert set(january.postings) == {Posting("contract_position", 3100, "plan"), Posting("revenue", -3100, "plan")}


def test_a_document_knows_its_lines_and_its_taxes() -> None:
    [document] = account(terms(PLAN, start="2026-01-01", tax=VAT), "2026-01-31").documents
    assert (document.kind, document.status, document.sequence) == ("invoice", "open", 1)
    assert (document.net_minor, document.tax_minor, document.total_minor) == (9000, 1800, 10800)
    assert document.tax_by_rate == (("VAT", 1800),)
    [line] = document.lines
    assert (line.starts_on, line.ends_on, line.quantity) == (date(2026, 1, 1), date(2026, 4, 1), "1")
    assert (line.net_minor, line.tax_minor, line.recognize) == (9000, 1800, "daily")


def test_exempt_lines_bear_no_tax_and_each_line_its_own() -> None:
    """20 % of 100.00 and 5 % of 100.00 + 50.00."""
    lines = [
        {"id": "a", "price": flat("100.00")},
        {"id": "b", "price": flat("50.00"), "tax": ["City"]},
        {"id": "c", "price": flat("30.00"), "tax": []},
    ]
    told = account(terms(*lines, start="2026-01-01", tax=[*VAT, {"name": "City", "rate": "5"}]), "2026-01-31")
    assert [line.tax_minor for line in told.documents[0].lines] == [2500, 250, 0]
    assert told.documents[0].tax_by_rate == (("VAT", 2000), ("City", 750))


def test_another_provider_of_taxes_takes_the_place_of_the_stated_ones() -> None:
    class Tenth:
        def rates(self, terms: Terms, line: Line) -> tuple[TaxRate, ...]:
            return (TaxRate.model_validate({"name": "Tenth", "rate": "10"}),)

    state = sign("con_1", "cus_1", terms(PLAN, start="2026-01-01", tax=VAT))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    books = Books("con_1", "cus_1", "USD", "main", "UTC")
    document = issue(books, decide(state, Wake(), at), Told(()), sequence=1, at=at, taxes=Tenth())
    assert document is not None
    assert document.tax_by_rate == (("VAT", 0), ("Tenth", 900))


def test_a_credit_note_lowers_the_open_invoice_and_nothing_is_left_of_it() -> None:
    """59 of 90 days; the 59.00 were still deferred."""
    told = account(terms(PLAN, start="2026-01-01"), "2026-02-28", [("2026-02-01", cancel("now"))])
    invoice, note = told.documents
    assert (note.kind, note.total_minor, note.corrects, note.status) == ("credit_note", 5900, invoice.id, "issued")
    assert (invoice.open_minor, invoice.credited_minor) == (3100, 5900)
    assert told.balances("2026-02-28") == {"receivable": "31.00", "revenue": "31.00"}
    assert told.revenue == {"2026-01": "31.00"}


def test_what_a_paid_invoice_does_not_owe_becomes_credit_that_pays_the_next_oldest_first() -> None:
    """24 become 20 for 15 of 30 days: 76.00 of credit, which July's 760.00 uses."""
    line = {"id": "gates", "price": per_unit("38.00"), "quantity": 24}
    state = sign("con_1", "cus_1", terms(line, start="2013-06-01"))
    books = Books("con_1", "cus_1", "USD", "main", "UTC")
    decision = decide(state, Wake(), datetime(2013, 6, 1, tzinfo=UTC))
    june = issue(books, decision, Told(()), sequence=1, at=datetime(2013, 6, 1, tzinfo=UTC))
    assert june is not None
    june.paid_minor, june.status = june.total_minor, "paid"
    at = datetime(2013, 6, 16, 9, tzinfo=UTC)
    decision = decide(decision.state, change("gates", quantity=20), at)
    issue(books, decision, Told(()), sequence=2, at=at)
    [credit] = books.credits.values()
    assert (credit.amount_minor, credit.invoice_id, credit.source) == (7600, june.id, "credit_note")
    due = next_due(decision.state)
    assert due is not None
    july = issue(books, decide(decision.state, Wake(), due.at), Told(()), sequence=3, at=due.at)
    assert july is not None
    assert (july.total_minor, july.credit_applied_minor, july.open_minor, july.status) == (76000, 7600, 68400, "open")
    assert credit.remaining_minor == 0
    applied = [entry for entry in books.entries if entry.kind == "credit_applied"]
    assert [set(entry.postings) for entry in applied] == [
        {Posting("customer_credit", 7600), Posting("receivable", -7600)}
    ]


def test_what_sums_to_nothing_is_an_invoice_that_is_paid() -> None:
    told = account(terms({"id": "free", "price": flat("0.00")}, start="2026-01-01"), "2026-01-31")
    assert (told.documents[0].kind, told.documents[0].status) == ("invoice", "paid")
    assert told.books.entries == []


def test_a_cancellation_without_credit_earns_what_is_deferred_on_that_day() -> None:
    told = account(terms(PLAN, start="2026-01-01"), "2026-02-28", [("2026-02-10", cancel("now", "none"))])
    assert told.revenue == {"2026-01": "31.00", "2026-02": "59.00"}
    assert told.books.entries[-1].posting_on == date(2026, 2, 10)


def test_a_credit_of_all_takes_what_was_earned_back_on_its_own_day() -> None:
    plan = {"id": "plan", "price": flat("310.00")}
    steps = [("2026-01-11", Cancel(when="now", credit="all"))]
    told = account(terms(plan, start="2026-01-01"), "2026-01-31", steps)
    assert told.totals == [("2026-01-01", "310.00"), ("2026-01-11", "-310.00")]
    assert told.balances("2026-01-10") == {"deferred_revenue": "210.00", "receivable": "310.00", "revenue": "100.00"}
    assert told.balances("2026-01-11") == {}


@pytest.mark.parametrize(
    ("closed", "revenue"),
    [
        ({}, {"2026-01": "47.00", "2026-02": "56.00", "2026-03": "62.00"}),
        ({"2026-02-05": "2026-02-01"}, {"2026-01": "31.00", "2026-02": "72.00", "2026-03": "62.00"}),
    ],
)
def test_a_backdated_price_counts_in_its_own_month_unless_that_is_closed(
    closed: dict[str, str], revenue: dict[str, str]
) -> None:
    """90.00 a quarter becomes 180.00 from 16 January: 16 days of 1.00 more are January's."""
    steps = [("2026-02-20", change("plan", price=flat("180.00"), effective="2026-01-16"))]
    told = account(terms(PLAN, start="2026-01-01"), "2026-03-31", steps, closed_until=closed)
    assert told.totals == [("2026-01-01", "90.00"), ("2026-02-20", "75.00")]
    assert told.revenue == revenue
    if closed:
        late = [entry for entry in told.books.entries if entry.economic_on is not None]
        assert [(entry.posting_on, entry.economic_on) for entry in late] == [(date(2026, 2, 20), date(2026, 1, 31))]


def test_what_is_earned_immediately_counts_on_the_day_of_its_invoice() -> None:
    lines = [
        {"id": "stamp", "price": flat("5.00"), "every": "once", "recognize": "immediately"},
        {"id": "fee", "price": flat("7.00"), "bill": "arrears", "recognize": "immediately"},
    ]
    told = account(terms(*lines, start="2026-01-15"), "2026-02-28")
    assert told.revenue_of("stamp") == {"2026-01": "5.00"}
    assert told.revenue_of("fee") == {"2026-02": "7.00"}
    assert told.balances("2026-01-15")["revenue"] == "5.00"


def test_a_preview_gives_the_document_and_leaves_the_books_alone() -> None:
    calls = {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"}
    agreed = terms(
        PLAN,
        calls,
        start="2026-01-01",
        meters=[{"id": "calls", "aggregate": "sum"}],
        commitments=[{"id": "floor", "amount": "50.00", "lines": ["calls"], "every": "month"}],
        credits=[{"id": "prepaid", "paid": "10.00", "grants": "10.00"}],
    )
    told = Told([Used("2026-01-10", "20")])
    books = Books("con_1", "cus_1", "USD", "main", "UTC")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    decision = decide(sign("con_1", "cus_1", agreed), Wake(), at)
    issue(books, decision, told, sequence=1, at=at)
    due = next_due(decision.state)
    assert due is not None
    told.now = due.at
    decision, before = decide(decision.state, Wake(), due.at), deepcopy(books)
    shown = preview(books, decision, told)
    assert books == before
    assert shown is not None
    assert shown == issue(books, decision, told, sequence=2, at=due.at)
    assert [(line.line_id, line.net_minor) for line in shown.lines] == [
        ("calls", 2000),
        ("floor", 3000),
        ("prepaid", -1000),
    ]


def test_usage_without_a_price_is_an_error_and_never_free() -> None:
    price = {"model": "matrix", "cells": [{"when": {"region": "eu"}, "unit": "1.00"}]}
    calls = {"id": "calls", "price": price, "meter": "calls", "bill": "arrears"}
    agreed = terms(calls, start="2026-01-01", meters=[{"id": "calls", "aggregate": "sum"}])
    with pytest.raises(UnpricedUsage):
        account(agreed, "2026-02-01", used=[Used("2026-01-10", "1")])


def test_a_document_that_is_held_says_so() -> None:
    state = sign("con_1", "cus_1", terms(PLAN, start="2026-01-01"))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    decision = decide(state, Wake(), at)
    assert decision.bill is not None
    books = Books("con_1", "cus_1", "USD", "main", "UTC")
    held = issue(books, replace(decision, bill=replace(decision.bill, held=True)), Told(()), sequence=1, at=at)
    assert held is not None
    assert held.held
