"""A year that is right agrees, and nothing that is wrong in it goes unseen."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from demo.comparison import compare
from demo.found import Attempt, Document, Found, FoundLine, Unmatched
from demo.independent import Expected, expect
from tests.demo.given import right

CENT = Decimal("0.01")
Change = Callable[[Found], Found]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """A year of two departures, one of them after midnight at its end."""
    rows = ["1,2013-05-01T12:00:00Z,DL,LGA,XXX,2402,157", "2,2014-01-01T05:00:00Z,UA,EWR,XXX,500,"]
    file = tmp_path_factory.mktemp("demo") / "departures.csv.gz"
    file.write_bytes(gzip.compress("\n".join(["id,departed_at,carrier,origin,dest,miles,seats", *rows]).encode()))
    return expect(file)


def test_a_year_that_is_right_agrees(expected: Expected) -> None:
    comparison = compare(expected, right(expected))
    assert comparison.disagreements == []
    assert comparison.agrees
    assert comparison.compared["invoices"] == 206


def first(found: Found, document: Document) -> Found:
    return replace(found, documents=(document, *found.documents[1:]))


def first_line(found: Found, line: FoundLine) -> Found:
    return first(found, replace(found.documents[0], lines=(line,)))


def declined_once_more(found: Found) -> Found:
    payment = found.payments[0]
    attempts = (
        Attempt(1, date(2013, 1, 1), "failed", "card_declined"),
        Attempt(2, date(2013, 1, 2), "succeeded", None),
    )
    return replace(found, payments=(replace(payment, attempts=attempts), *found.payments[1:]))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda f: replace(f, documents=f.documents[1:]), id="an invoice is missing"),
        pytest.param(lambda f: replace(f, documents=(*f.documents, f.documents[0])), id="an invoice came twice"),
        pytest.param(lambda f: first(f, replace(f.documents[0], status="open")), id="an invoice is unpaid"),
        pytest.param(lambda f: first(f, replace(f.documents[0], total=f.documents[0].total + CENT)), id="a total"),
        pytest.param(lambda f: first(f, replace(f.documents[0], on=date(2013, 1, 2))), id="a date"),
        pytest.param(lambda f: first(f, replace(f.documents[0], lines=())), id="a line is missing"),
        pytest.param(lambda f: first_line(f, FoundLine("gates", CENT, Decimal(8))), id="an amount"),
        pytest.param(lambda f: first_line(f, FoundLine("gates", Decimal(304000), CENT)), id="a quantity"),
        pytest.param(lambda f: replace(f, payments=f.payments[1:]), id="a payment is missing"),
        pytest.param(lambda f: replace(f, captured=f.captured + CENT), id="the gateway captured more"),
        pytest.param(declined_once_more, id="a decline that nobody ordered"),
        pytest.param(lambda f: replace(f, revenue={**f.revenue, "2013-02": CENT}), id="revenue of a month"),
        pytest.param(lambda f: replace(f, revenue={**f.revenue, "2014-01": CENT}), id="revenue beyond the year"),
        pytest.param(lambda f: replace(f, balances={**f.balances, "rounding": CENT}), id="an account"),
        pytest.param(lambda f: replace(f, opening={**f.opening, "2013-02": {}}), id="deferred revenue"),
        pytest.param(lambda f: replace(f, closing={**f.closing, "2013-02": {}}), id="unbilled receivables and money"),
        pytest.param(lambda f: replace(f, unmatched=()), id="an unmatched departure is missing"),
        pytest.param(
            lambda f: replace(f, unmatched=(Unmatched("2", "UA", "unknown_customer"),)), id="a reason is another"
        ),
        pytest.param(lambda f: replace(f, outcomes={**f.outcomes, "duplicate": 0}), id="duplicates were accepted"),
        pytest.param(lambda f: replace(f, outcomes={**f.outcomes, "rejected": 1}), id="an event was rejected"),
    ],
)
def test_what_is_wrong_is_seen(expected: Expected, change: Change) -> None:
    comparison = compare(expected, change(right(expected)))
    assert comparison.disagreements != []
    assert not comparison.agrees


def test_json_holds_amounts_as_decimals_of_dollars(expected: Expected) -> None:
    found = right(expected).as_json()
    change = next(invoice for invoice in found["invoices"] if invoice["date"] == "2013-06-16")
    assert change["customer"] == "B6"
    assert change["total"] == "76000.00"
    assert change["lines"] == [
        {"line": "gates", "amount": "-456000.00", "quantity": "24"},
        {"line": "gates", "amount": "532000.00", "quantity": "28"},
    ]
    assert found["trial_balance"]["revenue"] == f"-{found['trial_balance']['gateway_clearing']}"
    assert found["revenue"]["2013-06"] == "5856000.00"
