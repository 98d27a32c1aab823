"""Whatever anyone may agree on and do: it is billed without an exception, and the books are right."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from cases.memory import story_of
from domain.balances import revenue_by_month
from domain.books import Books, Document
from domain.state import Item
from tests.cases.agreed import stories
from tests.cases.lived import Lived, lived, readable
from tests.domain.ledger import check, sign

# The same stories every time: what a longer search finds becomes a test of its own.
SLOW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TAKING_MONEY_BACK = frozenset({"refund", "void", "write_off", "dispute_lost"})


def told_of(raw: dict[str, Any], looks: list[date] | None = None) -> tuple[dict[str, Any], Lived]:
    story = readable(raw)
    assume(story is not None)
    assert story is not None
    told = lived(story, looks or ())
    note(f"done: {told.done}\nrefused: {told.refused}")
    return story, told


def balances(books: Books) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for entry in books.entries:
        for posting in entry.postings:
            sums[posting.account] += posting.amount_minor
    return sums


@SLOW
@given(stories())
def test_whatever_is_agreed_and_done_the_books_are_right(raw: dict[str, Any]) -> None:
    _, told = told_of(raw)
    books = told.contract.books
    check(books)
    sums = balances(books)
    assert sums["receivable"] == sum(document.open_minor for document in books.documents.values())
    assert -sums["customer_credit"] == sum(credit.remaining_minor for credit in books.credits.values())
    assert sums["disputed"] == sum(d.disputed_minor for d in books.documents.values())
    assert (sums["contract_position"], sums["unbilled_receivable"]) == (0, 0)
    if not any(word in done for done in told.done for word in TAKING_MONEY_BACK):
        billed = [(sign(document), document) for document in books.documents.values()]
        assert -sums["revenue"] == sum(sign * document.net_minor for sign, document in billed)
        assert -sums["tax_payable"] == sum(sign * document.tax_minor for sign, document in billed)
    for document in books.documents.values():
        assert_adds_up(document)
    for grant in books.grants.values():
        assert 0 <= grant.used_minor <= grant.granted_minor


def assert_adds_up(document: Document) -> None:
    assert sum(line.net_minor for line in document.lines) == document.net_minor
    assert sum(line.tax_minor for line in document.lines) == document.tax_minor
    assert document.net_minor + document.tax_minor == document.total_minor >= 0
    assert sum(minor for _, minor in document.tax_by_rate) == document.tax_minor
    assert document.open_minor >= 0
    assert (document.status == "paid") <= (document.open_minor == 0)


@SLOW
@given(stories())
def test_no_event_and_no_day_is_billed_twice(raw: dict[str, Any]) -> None:
    story, told = told_of(raw)
    stretches: dict[str, list[Any]] = defaultdict(list)
    for period in told.contract.books.periods.values():
        stretches[period.line_id] += [(item.from_at, item.to_at) for item in period.items]
    for found in stretches.values():
        found.sort()
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(found))
    if story["contract"]["proration"] != "second":
        for line, days in days_billed(told).items():
            assert set(days.values()) <= {0, 1}, (line, {day: n for day, n in days.items() if n not in (0, 1)})


def days_billed(told: Lived) -> dict[str, dict[date, int]]:
    """How often each day of a recurring line is charged and not credited."""
    once = {line.id for line in told.contract.state.terms.lines if line.every == "once"}
    days: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for kind, item in fixed_items(told):
        if item.line not in once:
            for number in range((item.end - item.start).days):
                days[item.line][item.start + timedelta(days=number)] += 1 if kind == "charge" else -1
    return days


def fixed_items(told: Lived) -> Iterator[tuple[str, Item]]:
    for document in told.contract.books.documents.values():
        for line in document.lines:
            if line.item is not None and line.kind in ("charge", "credit"):
                yield line.kind, line.item


@SLOW
@given(stories())
def test_the_same_story_twice_is_the_same(raw: dict[str, Any]) -> None:
    story, told = told_of(raw)
    assert story_of(lived(story).contract) == story_of(told.contract)


@SLOW
@given(stories(), st.lists(st.integers(0, 700), max_size=6))
def test_looking_more_often_moves_nothing(raw: dict[str, Any], looks: list[int]) -> None:
    raw["steps"] = [step for step in raw["steps"] if "close" not in step]
    story, once = told_of(raw)
    often = lived(story, [story["start"] + timedelta(days=days) for days in looks])
    one, other = story_of(once.contract), story_of(often.contract)
    assert (one.invoices, one.credit_notes, one.status) == (other.invoices, other.credit_notes, other.status)
    assert revenue_by_month(once.contract.books.entries) == revenue_by_month(often.contract.books.entries)
