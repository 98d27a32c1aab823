"""What corrections have in common: what must hold before one, and the entry that it posts."""

from dataclasses import dataclass, field
from datetime import date, datetime

from domain.books import Books, Document
from domain.errors import DomainError
from domain.journal import Entry, Posting
from domain.recognising import recognise


@dataclass(slots=True)
class Correction:
    """A correction under way. Amounts gather until they are posted as one balanced entry; debits are positive.

    `key` is the operation's id; of a credit note, which is a document of its own, the note's.
    """

    books: Books
    document: Document
    kind: str
    on: date
    key: str
    amounts: dict[tuple[str, str | None], int] = field(default_factory=dict)

    def debit(self, account: str, amount_minor: int, line_id: str | None = None) -> None:
        """Add to what is posted to the account, for the contract's line."""
        self.amounts[account, line_id] = self.amounts.get((account, line_id), 0) + amount_minor

    def credit(self, account: str, amount_minor: int, line_id: str | None = None) -> None:
        """Take from what is posted to the account, for the contract's line."""
        self.debit(account, -amount_minor, line_id)

    def post(self) -> None:
        """Add the entry to the books."""
        entry = Entry(
            idempotency_key=entry_key(self.kind, self.key),
            kind=self.kind,
            source_type="invoice" if self.kind == "credit_note" else self.kind,
            source_id=self.key,
            posting_on=self.on,
            currency=self.books.currency,
            postings=tuple(
                Posting(account, amount, line) for (account, line), amount in self.amounts.items() if amount
            ),
            contract_id=self.books.contract_id,
            customer_id=self.books.customer_id,
            invoice_id=self.key if self.kind == "credit_note" else self.document.id,
            book=self.books.book,
        )
        assert sum(posting.amount_minor for posting in entry.postings) == 0, f"{entry.idempotency_key} does not balance"
        self.books.touched.add(("documents", self.document.id))
        self.books.corrections.add(entry.idempotency_key)
        if entry.postings:
            self.books.entries.append(entry)


def check(books: Books, kind: str, invoice_id: str, *, on: date, at: datetime, key: str) -> Document:
    """The invoice, where it can be corrected on the day `on`.

    Raises:
        DomainError: if there is no such invoice, it was issued later, the month of the day is closed, or the
            correction was made before.
    """
    document = books.documents.get(invoice_id)
    if document is None:
        raise DomainError(f"the contract has no invoice {invoice_id}", "/invoice")
    if document.kind != "invoice":
        raise DomainError("this is a credit note; name the invoice that it credits", "/invoice")
    if at < document.issued_at:
        raise DomainError(f"the invoice was issued later, at {document.issued_at:%Y-%m-%dT%H:%M:%S%z}", "/at")
    if books.closed_until is not None and on < books.closed_until:
        raise DomainError(f"the month of {on} is closed; date it {books.closed_until} or later", "/at")
    if entry_key(kind, key) in books.corrections:
        raise DomainError(f"{kind.replace('_', ' ')} {key} was made before; give another one an id of its own", "/id")
    return document


def begin(books: Books, document: Document, kind: str, *, on: date, key: str) -> Correction:
    """The correction, after revenue was recognised up to the first instant of the day `on`."""
    recognise(books, on, known_on=on, key=f"{kind}/{key}")
    return Correction(books, document, kind, on, key)


def entry_key(kind: str, key: str) -> str:
    """The idempotency key of the correction's entry."""
    return f"{kind}/{key}"


def check_amount(amount_minor: int, most_minor: int, what: str) -> None:
    """Raise unless the amount is above 0 and at most `most_minor`; `what` says what of the invoice that is.

    Raises:
        DomainError: if it is not.
    """
    if amount_minor <= 0:
        raise DomainError("the amount must be above 0", "/amount")
    if amount_minor > most_minor:
        raise DomainError(f"{amount_minor} minor units are more than {what}: {max(0, most_minor)}", "/amount")
