"""What the product says of the year, read through its API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

# What was collected lies with the gateway until it pays out.
MONEY: Final = ("cash", "gateway_clearing")


def collected(balances: Mapping[str, Decimal]) -> Decimal:
    """What was collected, wherever it lies."""
    return sum((balances.get(account, Decimal(0)) for account in MONEY), Decimal(0))


class FoundLine(NamedTuple):
    """One line of a document; a credit has a negative amount."""

    line: str
    amount: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Document:
    """One invoice or credit note, in dollars; a credit note's total is negative."""

    customer: str
    on: date
    number: str
    kind: str
    total: Decimal
    status: str
    lines: tuple[FoundLine, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to charge an invoice."""

    number: int
    on: date
    status: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Payment:
    """How one invoice was collected."""

    customer: str
    invoice: str
    amount: Decimal
    status: str
    attempts: tuple[Attempt, ...]


class Unmatched(NamedTuple):
    """A departure that no contract takes."""

    id: str
    customer: str
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """Money in dollars; balances positive on the debit side. `opening` and `closing` are the balances on the first
    and the last day of each month, by month; `balances` are the last.
    """

    documents: tuple[Document, ...]
    payments: tuple[Payment, ...]
    revenue: Mapping[str, Decimal]
    balances: Mapping[str, Decimal]
    opening: Mapping[str, Mapping[str, Decimal]]
    closing: Mapping[str, Mapping[str, Decimal]]
    unmatched: tuple[Unmatched, ...]
    captured: Decimal
    outcomes: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Invoices, trial balance and revenue for other programs; amounts are decimals of dollars as text."""
        return {
            "invoices": [_document_json(document) for document in self.documents],
            "trial_balance": {account: str(balance) for account, balance in self.balances.items()},
            "revenue": {month: str(amount) for month, amount in self.revenue.items()},
        }


def _document_json(document: Document) -> dict[str, Any]:
    return {
        "customer": document.customer,
        "date": str(document.on),
        "number": document.number,
        "total": str(document.total),
        "status": document.status,
        "lines": [
            {"line": line.line, "amount": str(line.amount), "quantity": f"{line.quantity:f}"} for line in document.lines
        ],
    }
