"""Whatever is done to invoices in whatever order, the books stay right."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain import correction
from domain.books import BookedLine, Books
from domain.errors import DomainError
from domain.line import Recognition
from domain.recognising import recognise
from tests.domain.booked import JANUARY, balance, balances, books, instant, invoice, line, plan

END = date(2026, 12, 1)
METHODS: list[Recognition] = [
    "daily",
    "monthly_even",
    "monthly_prorated",
    "immediately",
    "at_delivery",
    "percent_complete",
]
Operation = Callable[[Books, str, int, dict[str, Any]], object]
OPERATIONS: dict[str, Operation] = {
    "pay": lambda kept, id_, amount, at: correction.pay(kept, id_, amount, **at),
    "pay_after_the_end": lambda kept, id_, amount, at: correction.pay(kept, id_, amount, ended_on=at["on"], **at),
    "credit_note": lambda kept, id_, amount, at: correction.credit_note(kept, id_, amount, None, **at),
    "credit_line": lambda kept, id_, amount, at: correction.credit_note(kept, id_, amount, "a", **at),
    "void": lambda kept, id_, amount, at: correction.void(kept, id_, **at),
    "refund": lambda kept, id_, amount, at: correction.refund(kept, id_, amount, **at),
    "write_off": lambda kept, id_, amount, at: correction.write_off(kept, id_, **at),
    "dispute": lambda kept, id_, amount, at: correction.dispute(kept, id_, **at),
    "dispute_won": lambda kept, id_, amount, at: correction.dispute_won(kept, id_, **at),
    "dispute_lost": lambda kept, id_, amount, at: correction.dispute_lost(kept, id_, **at),
}
DAYS = st.integers(0, 130).map(lambda days: JANUARY + timedelta(days=days))


@st.composite
def lines(draw: st.DrawFn, line_id: str) -> BookedLine:
    start = draw(DAYS)
    net_minor = draw(st.integers(0, 20_000))
    return line(
        net_minor,
        start,
        start + timedelta(days=draw(st.integers(1, 120))),
        id=line_id,
        tax_minor=draw(st.sampled_from([0, net_minor // 5, net_minor // 14])),
        recognize=draw(st.sampled_from(METHODS)),
    )


STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 1), st.integers(1, 30_000), st.integers(0, 40)),
    max_size=8,
)


def run(kept: Books, steps: list[tuple[str, int, int, int]]) -> None:
    """Do what the steps say, each some days after the former; what is refused changes nothing."""
    on = JANUARY
    for number, (name, which, amount_minor, days) in enumerate(steps):
        on += timedelta(days=days)
        id_ = list(kept.documents)[which % 2]
        before = [(entry.kind, entry.idempotency_key) for entry in kept.entries]
        try:
            OPERATIONS[name](kept, id_, amount_minor, {"on": on, "at": instant(on), "key": str(number)})
        except DomainError:
            assert [(entry.kind, entry.idempotency_key) for entry in kept.entries] == before
        check(kept)


def check(kept: Books) -> None:
    for entry in kept.entries:
        assert sum(posting.amount_minor for posting in entry.postings) == 0
    documents = kept.documents.values()
    assert balance(kept, "receivable") == sum(document.open_minor for document in documents)
    assert balance(kept, "customer_credit") == sum(credit.remaining_minor for credit in kept.credits.values())
    assert balance(kept, "disputed") == sum(document.disputed_minor for document in documents)
    assert balance(kept, "bad_debt") == sum(document.bad_debt_minor for document in documents)
    received = sum(document.paid_minor - document.refunded_minor - document.disputed_minor for document in documents)
    overpaid = sum(credit.amount_minor for credit in kept.credits.values() if credit.source == "payment")
    assert balance(kept, "cash") == received + overpaid
    assert balance(kept, "tax_payable") >= 0
    for document in documents:
        assert 0 <= document.open_minor <= document.total_minor
        assert min(document.bad_debt_minor, document.undone_minor, document.written_off_minor) >= 0
        assert document.bad_debt_minor + document.undone_minor <= document.written_off_minor
        assert 0 <= document.refunded_minor + document.disputed_minor <= document.paid_minor
        for one in document.lines:
            assert abs(one.credited_minor) <= abs(one.net_minor)
            assert abs(one.credited_tax_minor) <= abs(one.tax_minor)
    for schedule in kept.schedules.values():
        assert abs(schedule.recognized_minor) <= abs(schedule.amount_minor)
        assert schedule.starts_on < schedule.ends_on


def deliver(kept: Books, on: date, percent: str) -> None:
    for schedule in list(kept.schedules.values()):
        kept.keep(replace(schedule, progress=(*schedule.progress, (on, percent))))


@given(lines("a"), lines("b"), lines("a"), STEPS)
def test_nothing_stays_in_the_position_once_all_is_earned(
    first: BookedLine,
    second: BookedLine,
    third: BookedLine,
    steps: list[tuple[str, int, int, int]],
) -> None:
    kept = books()
    invoice(kept, first, second)
    invoice(kept, third)
    run(kept, steps)
    check(kept)
    deliver(kept, date(2026, 10, 1), "100")
    recognise(kept, END, known_on=END, key="end")
    check(kept)
    assert balance(kept, "contract_position") == 0
    for schedule in kept.schedules.values():
        assert schedule.recognized_minor == schedule.amount_minor


@given(st.integers(0, 20_000), DAYS, st.integers(1, 120), st.integers(0, 20_000), STEPS)
def test_a_plan_is_all_revenue_in_the_end(net_minor: int, start: date, days: int, other: int, steps: Any) -> None:
    """What was planned beyond what was billed is the only thing that is left in the position."""
    kept = books()
    invoice(kept, line(net_minor, start, start + timedelta(days=days), id="a", planned=True), line(other, id="b"))
    made = plan(kept, "a", net_minor, JANUARY, start + timedelta(days=days + 30))
    invoice(kept, line(other, id="b", tax_minor=other // 5))
    run(kept, steps)
    recognise(kept, END, known_on=END, key="end")
    check(kept)
    assert made.amount_minor == made.billed_minor
    assert balance(kept, "contract_position") == 0


@given(st.integers(1, 20_000), st.integers(1, 20_000), STEPS)
def test_an_upgrade_that_lowers_its_own_invoice_comes_out_even(less: int, more: int, steps: Any) -> None:
    kept = books()
    invoice(kept, line(-less, id="a"), line(less + more, id="a", tax_minor=more // 5))
    invoice(kept, line(more, id="b"))
    run(kept, steps)
    recognise(kept, END, known_on=END, key="end")
    check(kept)
    assert balance(kept, "contract_position") == 0


@given(lines("a"), lines("b"), st.lists(st.tuples(DAYS, st.integers(1, 25_000)), max_size=6))
def test_an_invoice_that_is_credited_away_leaves_nothing(
    first: BookedLine, second: BookedLine, credits: list[tuple[date, int]]
) -> None:
    kept = books()
    billed = invoice(kept, first, second)
    on = JANUARY
    for number, (on, amount_minor) in enumerate(sorted(credits)):
        left = billed.open_minor
        if left:
            at: dict[str, Any] = {"on": on, "at": instant(on), "key": str(number)}
            correction.credit_note(kept, billed.id, min(amount_minor, left), None, **at)
    if billed.open_minor:
        correction.credit_note(kept, billed.id, billed.open_minor, None, on=on, at=instant(on), key="last")
    assert balances(kept) == {}
    recognise(kept, END, known_on=END, key="end")
    assert balances(kept) == {}
