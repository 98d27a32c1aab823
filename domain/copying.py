"""Books to try something on."""

from copy import copy
from dataclasses import replace

from domain.books import Books, Document


def copied(books: Books) -> Books:
    """The books as they are, without entries: what is done to the copy leaves them alone."""
    return Books(
        books.contract_id,
        books.customer_id,
        books.currency,
        books.book,
        books.zone,
        documents={id_: _document(document) for id_, document in books.documents.items()},
        schedules=dict(books.schedules),
        credits={id_: copy(credit) for id_, credit in books.credits.items()},
        grants={id_: copy(grant) for id_, grant in books.grants.items()},
        windows={id_: copy(window) for id_, window in books.windows.items()},
        periods={id_: copy(period) for id_, period in books.periods.items()},
        plans={id_: copy(plan) for id_, plan in books.plans.items()},
        closed_until=books.closed_until,
    )


def _document(document: Document) -> Document:
    return replace(document, lines=[copy(line) for line in document.lines])
