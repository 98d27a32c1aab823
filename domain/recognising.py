"""Recognising revenue for a correction, which counts on its own what is earned by its day."""

from collections.abc import Iterator
from datetime import date

from domain.books import Basis, Books
from domain.journal import Entry, Posting
from domain.matter import posting_day
from domain.postings import ACCOUNTS
from domain.revenue import Earning, by_day, earn, is_done

Sums = dict[tuple[str, Basis], int]


def recognise(books: Books, through: date, *, known_on: date, key: str) -> None:
    """Post what billed schedules have earned up to the first instant of `through`, by calendar month.

    What was earned in a closed month is posted on `known_on`. What is not billed yet is measured by the next decision.
    """
    earnings: list[Earning] = []
    for id_ in [id_ for id_ in books.running if books.schedules[id_].billed]:
        before = books.schedules[id_]
        done, earned = earn(before, through)
        if done != before:
            books.keep(done)
        if is_done(done):
            books.running.pop(id_)
        earnings += earned
    for on, sums in by_day(earnings).items():
        posted_on = posting_day(books, on, known_on)
        books.entries.append(
            Entry(
                idempotency_key=f"recognition/{key}/{on}",
                kind="recognition",
                source_type="contract",
                source_id=books.contract_id,
                posting_on=posted_on,
                currency=books.currency,
                postings=tuple(_postings(sums)),
                economic_on=on if on != posted_on else None,
                contract_id=books.contract_id,
                customer_id=books.customer_id,
                book=books.book,
            )
        )


def _postings(sums: Sums) -> Iterator[Posting]:
    for (line_id, basis), amount_minor in sums.items():
        yield Posting(ACCOUNTS[basis], amount_minor, line_id)
        yield Posting("revenue", -amount_minor, line_id)
