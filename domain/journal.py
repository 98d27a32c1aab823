"""Journal entries as values: balanced debits and credits that say when they count."""

from dataclasses import dataclass
from datetime import date

MAIN_BOOK = "main"


@dataclass(frozen=True, slots=True)
class Posting:
    """A debit (positive) or credit (negative) of `account`.

    `line_id` is the contract's line. `currency` is the entry's unless given; `functional_minor`, the amount in
    the book's currency, is `amount_minor` unless given.
    """

    account: str
    amount_minor: int
    line_id: str | None = None
    currency: str | None = None
    functional_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What to post. `economic_on` is `posting_on` unless given: the day a late fact was true."""

    idempotency_key: str
    kind: str
    source_type: str
    source_id: str
    posting_on: date
    currency: str
    postings: tuple[Posting, ...]
    economic_on: date | None = None
    contract_id: str | None = None
    customer_id: str | None = None
    invoice_id: str | None = None
    reverses_entry_id: str | None = None
    book: str = MAIN_BOOK
