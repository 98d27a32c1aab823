"""Recognising the revenue of running schedules up to a day."""

from datetime import date

from domain.books import Books
from domain.journal import Entry, Posting
from domain.revenue import Earning, by_day, earn

_ACCOUNTS = {"position": "contract_position", "unbilled": "unbilled_receivable"}


def recognise(books: Books, through: date, *, known_on: date, key: str) -> None:
    """Post what the schedules have earned up to the first instant of `through`, by calendar month.

    What concerns a closed month is posted on `known_on`.
    """
    earnings: list[Earning] = []
    for id_ in list(books.running):
        done, earned = earn(books.schedules[id_], through)
        if done != books.schedules[id_]:
            books.keep(done)
        earnings += [one._replace(on=_posting_day(books, one.on, known_on)) for one in earned]
    for on, amounts in by_day(earnings).items():
        postings = [
            posting
            for (line_id, basis), amount in amounts.items()
            for posting in (Posting(_ACCOUNTS[basis], amount, line_id), Posting("revenue", -amount, line_id))
        ]
        books.entries.append(
            Entry(
                idempotency_key=f"recognition/{key}/{on}",
                kind="recognition",
                source_type="correction",
                source_id=key,
                posting_on=on,
                currency=books.currency,
                postings=tuple(postings),
                contract_id=books.contract_id,
                customer_id=books.customer_id,
                book=books.book,
            )
        )


def _posting_day(books: Books, on: date, known_on: date) -> date:
    return known_on if books.closed_until is not None and on < books.closed_until else on
