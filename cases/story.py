"""What became of a contract, as either engine tells it."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from cases.format import Scenario

Months = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class StoryStep:
    """One step of how an amount came about."""

    label: str
    quantity: Decimal | None
    unit_price: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One line of a document, in major units; negative where it gives something back on an invoice."""

    line: str
    kind: str
    period: tuple[datetime.date, datetime.date]
    amount: Decimal
    steps: tuple[StoryStep, ...] = ()


@dataclass(frozen=True, slots=True)
class StoryDocument:
    """An invoice, or a credit note with the number of the `invoice` that it credits; in major units."""

    date: datetime.date
    due_on: datetime.date
    total: Decimal
    net: Decimal
    tax: Decimal
    status: str
    lines: tuple[StoryLine, ...]
    credit_applied: Decimal = Decimal(0)
    due: Decimal = Decimal(0)
    invoice: int | None = None


@dataclass(frozen=True, slots=True)
class StoryPosting:
    """A debit (positive) or credit (negative) of an account, in minor units."""

    on: datetime.date
    entry: str
    account: str
    amount_minor: int
    line: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that a scenario made: documents in order of issue, the journal, and how the contract stands."""

    currency: str
    invoices: tuple[StoryDocument, ...]
    credit_notes: tuple[StoryDocument, ...]
    postings: tuple[StoryPosting, ...]
    status: str
    next_due: tuple[datetime.date, str] | None = None


class Engine(Protocol):
    """Runs a scenario from its start to the end of its last day; `width` of them at once, each in its own thread."""

    width: int

    def run(self, scenario: Scenario) -> Story:
        """The story of the scenario.

        Raises:
            DomainError: if a step is refused.
        """
        ...
