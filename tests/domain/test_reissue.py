"""A void invoice is billed again, once."""

from datetime import UTC, date, datetime

import pytest

from cases.balances import balances, revenue, unbalanced
from cases.contract import Contract
from cases.memory import story_of
from domain import correction
from domain.errors import DomainError
from domain.reissue import reissue
from tests.domain.shell import flat, terms

JANUARY = datetime(2026, 1, 11, tzinfo=UTC)


def voided(**more: object) -> Contract:
    """A quarter of 90.00 with 20 percent tax, void on 11 January after ten of its 90 days."""
    line = {"id": "plan", "price": flat("90.00"), "every": "quarter"}
    tax = [{"name": "VAT", "rate": "20"}]
    contract = Contract.signed(
        terms(line, start="2026-01-01", pays="on_invoice", payment_terms_days=30, tax=tax, **more)
    )
    contract.advance(JANUARY)
    contract.correct(JANUARY, correction.void, first(contract))
    return contract


def first(contract: Contract) -> str:
    return next(iter(contract.books.documents))


def again(contract: Contract, key: str = "again") -> None:
    reissue(contract.books, first(contract), contract.state.terms, on=date(2026, 1, 11), at=JANUARY, key=key)


def test_what_was_void_is_billed_again_and_earned_over_its_own_days() -> None:
    """By 11 January 10.00 of 90.00 are earned; by the end of January 31.00."""
    contract = voided()
    again(contract)
    contract.advance(datetime(2026, 2, 1, tzinfo=UTC))
    contract.recognise(datetime(2026, 2, 1, tzinfo=UTC))
    story = story_of(contract)
    assert [(str(i.date), str(i.due_on), f"{i.total}", i.status) for i in story.invoices] == [
        ("2026-01-01", "2026-01-31", "108.00", "void"),
        ("2026-01-11", "2026-02-10", "108.00", "open"),
    ]
    found = balances(story, date(2026, 1, 31))
    assert {name: f"{found[name]}" for name in ("receivable", "tax_payable", "deferred_revenue", "revenue")} == {
        "receivable": "108.00",
        "tax_payable": "18.00",
        "deferred_revenue": "59.00",
        "revenue": "31.00",
    }
    assert f"{revenue(story)['2026-01']}" == "31.00"
    assert unbalanced(story) == []


def test_it_is_billed_again_once() -> None:
    contract = voided()
    again(contract)
    with pytest.raises(DomainError, match="billed again before"):
        again(contract, "another")


def test_what_is_not_void_is_billed_already() -> None:
    contract = Contract.signed(terms({"id": "plan", "price": flat("9.00")}, start="2026-01-01", pays="on_invoice"))
    contract.advance(JANUARY)
    with pytest.raises(DomainError, match="not void"):
        again(contract)


def test_a_line_that_follows_the_term_goes_on_with_its_plan() -> None:
    """90.00 for each of two quarters, by day over 181 days: 31 days of January are 30.83."""
    contract = Contract.signed(
        terms(
            {"id": "plan", "price": flat("90.00"), "every": "quarter", "recognize": "with_contract"},
            start="2026-01-01",
            pays="on_invoice",
            term={"months": 6},
        )
    )
    contract.advance(JANUARY)
    contract.correct(JANUARY, correction.void, first(contract))
    again(contract)
    contract.advance(datetime(2026, 7, 2, tzinfo=UTC))
    story = story_of(contract)
    assert sum(revenue(story).values()) == 180
    assert f"{balances(story, date(2026, 7, 2))['deferred_revenue']}" == "0.00"
