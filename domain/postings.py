"""The journal entries of a decision: its document, the customer credit that pays it, its revenue."""

from collections.abc import Mapping

from domain.books import Basis, Books, Document
from domain.journal import Entry, Posting
from domain.matter import Matter, Sums, posting_day

ACCOUNTS: Mapping[Basis, str] = {"position": "contract_position", "unbilled": "unbilled_receivable"}

# Amounts by account and contract line; debits are positive.
Amounts = dict[tuple[str, str | None], int]


def post_document(books: Books, document: Document, sources: Amounts, lowered_minor: int) -> None:
    """Post what a document bills, and the customer credit that it uses.

    `sources` are credits by account and line: what was earned before, and what is still to be. A credit note lowers
    receivables by `lowered_minor`; the rest of it is owed to the customer.
    """
    if document.kind == "invoice":
        amounts: Amounts = {("receivable", None): document.total_minor}
    else:
        owed_minor = lowered_minor - document.total_minor
        amounts = {("receivable", None): -lowered_minor, ("customer_credit", None): owed_minor}
    amounts.update(sources)
    _post(books, document, document.kind, amounts)
    used_minor = document.credit_applied_minor
    if used_minor:
        _post(
            books,
            document,
            "credit_applied",
            {("customer_credit", None): used_minor, ("receivable", None): -used_minor},
        )


def post_revenue(matter: Matter, sequence: int) -> None:
    """Post what the decision has earned, an entry for each day."""
    books = matter.books
    for (posted_on, earned_on), sums in sorted(matter.earned.items()):
        postings = _revenue(sums)
        if not postings:
            continue
        key = f"recognition/{books.contract_id}/{sequence}/{posted_on}"
        late = posted_on != earned_on
        books.entries.append(
            Entry(
                idempotency_key=f"{key}/{earned_on}" if late else key,
                kind="recognition",
                source_type="contract",
                source_id=books.contract_id,
                posting_on=posted_on,
                currency=books.currency,
                postings=postings,
                economic_on=earned_on if late else None,
                contract_id=books.contract_id,
                customer_id=books.customer_id,
                book=books.book,
            )
        )


def _revenue(sums: Sums) -> tuple[Posting, ...]:
    postings = []
    by_line: dict[str, int] = {}
    for (line_id, basis), amount_minor in sums.items():
        if amount_minor:
            postings.append(Posting(ACCOUNTS[basis], amount_minor, line_id))
            by_line[line_id] = by_line.get(line_id, 0) + amount_minor
    for line_id, amount_minor in by_line.items():
        if amount_minor:
            postings.append(Posting("revenue", -amount_minor, line_id))
    return tuple(postings)


def _post(books: Books, document: Document, kind: str, amounts: Amounts) -> None:
    postings = tuple(Posting(account, minor, line_id) for (account, line_id), minor in amounts.items() if minor)
    if not postings:
        return
    books.entries.append(
        Entry(
            idempotency_key=f"{kind}/{document.id}",
            kind=kind,
            source_type="invoice",
            source_id=document.id,
            posting_on=posting_day(books, document.issued_on, document.issued_on),
            currency=books.currency,
            postings=postings,
            contract_id=books.contract_id,
            customer_id=books.customer_id,
            invoice_id=document.id,
            book=books.book,
        )
    )
