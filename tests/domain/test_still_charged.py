"""A change credits no more of days than is still charged of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases.contract import Contract
from domain import correction
from domain.books import Document
from domain.commands import ChangeLine, Command, Pause, Resume
from domain.errors import DomainError, RefusedChange
from tests.domain.shell import cancel, change, per_unit, terms

START = datetime(2026, 4, 1, tzinfo=UTC)
HALF = datetime(2026, 4, 16, tzinfo=UTC)


def signed(**stated: Any) -> Contract:
    """Ten seats at 30.00 for the 30 days of April: 300.00, each day 10.00."""
    seats = {"id": "seats", "price": per_unit("30.00"), "quantity": 10}
    contract = Contract.signed(terms(seats, start="2026-04-01", pays="on_invoice", payment_terms_days=30, **stated))
    contract.advance(START + timedelta(hours=1))
    return contract


def documents(contract: Contract) -> list[Document]:
    return list(contract.books.documents.values())


def credit(contract: Contract, amount_minor: int, day: int, minutes: int = 0) -> None:
    at = START + timedelta(days=day - 1, hours=2, minutes=minutes)
    contract.correct(at, correction.credit_note, documents(contract)[0].id, amount_minor, "seats")


def test_a_cancellation_after_a_credit_note_credits_what_is_still_charged() -> None:
    """120.00 of 300.00 is credited: 6.00 a day is left, 90.00 for 15 days."""
    contract = signed()
    credit(contract, 12_000, 10)
    note = contract.apply(cancel("now"), HALF)
    assert note is not None and (note.kind, note.total_minor) == ("credit_note", 9000)
    assert [f"{step.label} {step.amount}" for step in note.lines[0].steps][-1] == "credited before 60.00"
    assert documents(contract)[0].open_minor == 30_000 - 12_000 - 9000


def test_what_is_credited_away_is_not_credited_again() -> None:
    contract = signed()
    credit(contract, 30_000, 10)
    assert contract.apply(cancel("now"), HALF) is None
    assert not any(one.remaining_minor for one in contract.books.credits.values())


def test_a_void_or_written_off_invoice_is_not_credited_by_a_cancellation() -> None:
    for undone in (correction.void, correction.write_off):
        contract = signed()
        contract.correct(START + timedelta(days=9), undone, documents(contract)[0].id)
        assert contract.apply(cancel("now"), HALF) is None


def test_a_pause_after_a_credit_note_credits_what_is_still_charged() -> None:
    contract = signed()
    credit(contract, 12_000, 10)
    note = contract.apply(Pause(), HALF)
    assert note is not None and note.total_minor == 9000


def test_a_credit_note_before_a_change_lowers_nothing_of_what_the_change_billed() -> None:
    """Half the seats for 15 days: 90.00 is still charged and 75.00 billed. Cancelled at once, these come back."""
    contract = signed()
    credit(contract, 12_000, 10)
    note = contract.apply(change("seats", quantity=5), HALF)
    assert note is not None and (note.kind, note.total_minor) == ("credit_note", 9000 - 7500)
    last = contract.apply(cancel("now"), HALF)
    assert last is not None and last.total_minor == 7500


def test_a_credit_note_after_a_change_lowers_what_the_change_billed_too() -> None:
    """Half the seats for 15 days leave 225.00, of which 45.00 is credited: a fifth. So is a fifth of 75.00."""
    contract = signed()
    contract.apply(change("seats", quantity=5), HALF)
    credit(contract, 4500, 16)
    last = contract.apply(cancel("now"), HALF)
    assert last is not None and last.total_minor == 6000


def test_a_tax_in_the_price_is_credited_once_too() -> None:
    contract = signed(tax=[{"name": "VAT", "rate": "20", "inclusive": True}])
    credit(contract, 12_000, 10)
    note = contract.apply(cancel("now"), HALF)
    assert note is not None and (note.net_minor, note.tax_minor, note.total_minor) == (7500, 1500, 9000)


COMMANDS: list[Command] = [cancel("now"), cancel("now", "all"), Pause(), Resume()]
CHANGES = st.sampled_from(COMMANDS) | st.integers(1, 9).map(lambda units: change("seats", quantity=units))
AMOUNTS = st.integers(1, 36_000)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 6), AMOUNTS | CHANGES), max_size=7),
    st.sampled_from([[], [{"name": "VAT", "rate": "19"}], [{"name": "VAT", "rate": "7", "inclusive": True}]]),
)
def test_credit_notes_and_changes_that_lower_never_credit_more_than_was_charged(
    steps: list[tuple[int, int | Command]], tax: list[dict[str, Any]]
) -> None:
    contract, at = signed(tax=tax), START + timedelta(hours=2)
    for days, step in steps:
        at += timedelta(days=days, minutes=1)
        if at.month != 4:
            break
        if isinstance(step, ChangeLine) and (step.quantity or 0) >= contract.state.terms.line("seats").units:
            continue
        try:
            if isinstance(step, int):
                credit(contract, step, at.day, at.minute)
            else:
                contract.apply(step, at)
        except (DomainError, RefusedChange):
            continue
    invoices = [one for one in documents(contract) if one.kind == "invoice"]
    notes = [one for one in documents(contract) if one.kind == "credit_note"]
    # The tax of each document is rounded by itself, and so is the net where the price includes it.
    cents = len(notes) if tax else 0
    assert sum(note.net_minor for note in notes) <= sum(one.net_minor for one in invoices) + cents
    assert sum(note.total_minor for note in notes) <= sum(one.total_minor for one in invoices) + cents


@pytest.mark.parametrize("second", ["now", "next"])
@pytest.mark.parametrize("first", ["now", "next"])
def test_two_changes_in_a_period_charge_each_day_at_its_price_whenever_they_are_invoiced(
    first: str, second: str
) -> None:
    """Nine days at 10.00, one at 11.00, and none from the 11th on: 101.00."""
    contract = Contract.signed(terms({"id": "seats", "price": per_unit("30.00"), "quantity": 10}, start="2026-04-01"))
    contract.advance(START + timedelta(hours=1))
    raised = {"line": "seats", "price": per_unit("33.00"), "invoice": first}
    contract.apply(ChangeLine.model_validate(raised), START + timedelta(days=9))
    ended = {"line": "seats", "quantity": "0", "invoice": second}
    contract.apply(ChangeLine.model_validate(ended), START + timedelta(days=10))
    contract.advance(START + timedelta(days=30, hours=1))
    signs = {"invoice": 1, "credit_note": -1}
    assert sum(signs[one.kind] * one.total_minor for one in documents(contract)) == 10_100


def test_days_that_were_charged_at_nothing_have_nothing_to_credit() -> None:
    """Free seats cost 1.00 a day from the 10th, which the next invoice is to bill, and from the 11th there are none."""
    contract = Contract.signed(terms({"id": "seats", "price": per_unit("0.00"), "quantity": 10}, start="2026-04-01"))
    contract.advance(START + timedelta(hours=1))
    priced = {"line": "seats", "price": per_unit("3.00"), "invoice": "next"}
    contract.apply(ChangeLine.model_validate(priced), START + timedelta(days=9))
    ended = {"line": "seats", "quantity": "0", "invoice": "now"}
    contract.apply(ChangeLine.model_validate(ended), START + timedelta(days=10))
    assert [(one.kind, one.total_minor) for one in documents(contract)] == [("invoice", 0), ("invoice", 100)]
