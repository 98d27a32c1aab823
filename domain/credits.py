"""Customer credit: what the customer is owed, to be used by later invoices or paid out."""

from typing import Literal

from domain.books import Books, CustomerCredit
from domain.keys import derived


def give(
    books: Books, source: Literal["credit_note", "payment"], source_id: str, invoice_id: str, amount_minor: int
) -> None:
    """Owe the customer what a credit note or an overpayment of the invoice left over."""
    last = max((credit.sequence for credit in books.credits.values()), default=0)
    credit = CustomerCredit(
        derived("ccr", source_id), source, source_id, invoice_id, amount_minor, amount_minor, last + 1
    )
    books.credits[credit.id] = credit
    books.touched.add(("credits", credit.id))


def refundable(books: Books, invoice_id: str) -> int:
    """What is left of the credit that credit notes of the invoice made."""
    return sum(credit.remaining_minor for credit in _of_notes(books, invoice_id))


def pay_out(books: Books, invoice_id: str, amount_minor: int) -> int:
    """Use up to `amount_minor` of the credit that credit notes of the invoice made, oldest first; return how much."""
    left = amount_minor
    for credit in _of_notes(books, invoice_id):
        taken = min(left, credit.remaining_minor)
        _use(books, credit, taken)
        left -= taken
    return amount_minor - left


def give_back(books: Books, amount_minor: int) -> None:
    """Restore credit that an invoice had used, the latest first."""
    left = amount_minor
    for credit in sorted(books.credits.values(), key=lambda c: -c.sequence):
        restored = min(left, credit.amount_minor - credit.remaining_minor)
        _use(books, credit, -restored)
        left -= restored
    assert left == 0, "an invoice used credit that nobody gave"


def _of_notes(books: Books, invoice_id: str) -> list[CustomerCredit]:
    made = (c for c in books.credits.values() if c.source == "credit_note" and c.invoice_id == invoice_id)
    return sorted(made, key=lambda c: c.sequence)


def _use(books: Books, credit: CustomerCredit, amount_minor: int) -> None:
    if amount_minor:
        credit.remaining_minor -= amount_minor
        books.touched.add(("credits", credit.id))
