"""Whatever happens to a contract, its books close: all that was billed is earned, and nothing else is."""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import correction
from domain.balances import balances, revenue_by_month
from domain.commands import Cancel, Command, Deliver, Pause, Recognise, RemoveLine, Resume
from domain.errors import DomainError
from domain.period import first_instant
from domain.terms import Terms
from tests.domain.ledger import Account, Used, account, sign
from tests.domain.shell import change, flat, per_unit, terms

START = date(2026, 1, 1)
DAYS = st.integers(1, 300).map(lambda days: START + timedelta(days=days))
CENTS = st.integers(1, 100_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")


def _fixed(id: str, amount: str, **stated: Any) -> dict[str, Any]:
    return {"id": id, "price": flat(amount), **stated}


@st.composite
def agreements(draw: st.DrawFn) -> Terms:
    """Lines of each kind, with all that may stand beside them."""
    every = st.sampled_from(["month", "quarter"])
    lines = [
        _fixed("plan", draw(CENTS), every=draw(every), recognize=draw(st.sampled_from(["daily", "monthly_even"]))),
        _fixed("fee", draw(CENTS), every=draw(every), bill="arrears"),
        {"id": "calls", "price": per_unit("0.37"), "meter": "calls", "every": draw(every), "bill": "arrears"},
        _fixed("work", draw(CENTS), every="once", recognize="percent_complete"),
    ]
    if draw(st.booleans()):
        lines.append(_fixed("setup", draw(CENTS), every="once", recognize="with_contract"))
    if draw(st.booleans()):
        lines.append(_fixed("ramp", draw(CENTS), recognize="with_contract"))
    if draw(st.booleans()):
        lines[0]["ssp"], lines[3]["ssp"] = draw(CENTS), draw(CENTS)
    stated: dict[str, Any] = {
        "meters": [{"id": "calls", "aggregate": "sum"}],
        "term": {"months": draw(st.sampled_from([5, 9]))},
        "anchor_day": draw(st.sampled_from([1, 15, 31])),
    }
    if draw(st.booleans()):
        inclusive = draw(st.booleans())
        stated["tax"] = [{"name": "VAT", "rate": "19", "inclusive": inclusive}, {"name": "City", "rate": "2.5"}]
    if draw(st.booleans()):
        stated["discounts"] = [
            {"id": "part", "percent": draw(st.sampled_from(["10", "33.3"])), "lines": ["plan", "calls"]},
            {"id": "fixed", "amount": draw(CENTS), "periods": draw(st.sampled_from([None, 2]))},
        ]
    if draw(st.booleans()):
        overage = draw(st.sampled_from(["1", "1.5"]))
        commitment = {"id": "floor", "amount": draw(CENTS), "lines": ["calls", "plan"], "every": "quarter"}
        stated["commitments"] = [{**commitment, "overage": overage}]
    if draw(st.booleans()):
        stated["credits"] = [
            {"id": "early", "paid": draw(CENTS), "grants": draw(CENTS), "expires": str(draw(DAYS)), "lines": ["calls"]},
            {"id": "late", "paid": draw(CENTS), "grants": draw(CENTS)},
        ]
    return terms(*lines, start=str(START), **stated)


CHANGES: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        lambda line, amount, invoice: change(line, price=flat(amount), invoice=invoice),
        st.sampled_from(["plan", "fee"]),
        CENTS,
        st.sampled_from(["now", "next"]),
    ),
    st.builds(lambda percent: Deliver.model_validate({"line": "work", "percent": percent}), st.integers(0, 100)),
    st.builds(lambda line: RemoveLine(line=line), st.sampled_from(["plan", "fee", "calls"])),
    st.just(Pause()),
    st.just(Resume()),
    st.builds(
        lambda when, credit: Cancel(when=when, credit=credit),
        st.sampled_from(["now", "period_end"]),
        st.sampled_from(["unused", "none", "all"]),
    ),
)
USED = st.lists(st.builds(lambda on, value: Used(str(on), str(value)), DAYS, st.integers(1, 3000)), max_size=6)
STEPS = st.lists(st.tuples(DAYS, CHANGES), max_size=4).map(lambda steps: sorted(steps, key=lambda step: step[0]))

UNTIL = "2027-01-31"
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(agreements(), STEPS, USED)
def test_when_the_contract_is_over_all_that_was_billed_is_earned_and_nothing_is_left(
    agreed: Terms, steps: list[tuple[date, Command]], used: list[Used]
) -> None:
    told = account(agreed, UNTIL, [(str(on), command) for on, command in steps], used, may_refuse=True)
    billed_minor = sum(sign(document) * document.net_minor for document in told.documents)
    left = balances(told.books.entries, date(2027, 1, 31))
    assert (left["deferred_revenue"], left["contract_asset"], left["unbilled_receivable"]) == (0, 0, 0)
    assert left["revenue"] == billed_minor
    assert left["tax_payable"] == sum(sign(document) * document.tax_minor for document in told.documents)
    assert left["receivable"] == sum(document.open_minor for document in told.documents)
    assert left["customer_credit"] == sum(credit.remaining_minor for credit in told.books.credits.values())
    for document in told.documents:
        assert sum(line.net_minor for line in document.lines) == document.net_minor
    for grant in told.books.grants.values():
        assert 0 <= grant.used_minor <= grant.granted_minor and grant.earned_minor == grant.paid_minor


@SLOW
@given(agreements(), STEPS, USED, st.lists(DAYS, max_size=5))
def test_looking_at_revenue_more_often_moves_none_of_it(
    agreed: Terms, steps: list[tuple[date, Command]], used: list[Used], looks: list[date]
) -> None:
    dated = [(str(on), command) for on, command in steps]
    looked: list[tuple[str, Command]] = [(str(on), Recognise(through=on)) for on in looks]
    once = account(agreed, UNTIL, dated, used, may_refuse=True)
    often = account(agreed, UNTIL, sorted([*dated, *looked], key=lambda step: step[0]), used, may_refuse=True)
    assert once.totals == often.totals
    assert revenue_by_month(often.books.entries) == revenue_by_month(once.books.entries)


@SLOW
@given(agreements(), STEPS, USED, st.dictionaries(DAYS, st.integers(1, 9), max_size=3))
def test_what_concerns_a_closed_month_is_posted_all_the_same_and_after_it(
    agreed: Terms, steps: list[tuple[date, Command]], used: list[Used], closed: dict[date, int]
) -> None:
    """That nothing is posted to a closed month is checked after each decision."""
    dated = [(str(on), command) for on, command in steps]
    closing = {str(on): str(date(2026, month, 1)) for on, month in closed.items() if date(2026, month, 1) <= on}
    told = account(agreed, UNTIL, dated, used, closing, may_refuse=True)
    billed_minor = sum(sign(document) * document.net_minor for document in told.documents)
    assert sum(revenue_by_month(told.books.entries).values()) == billed_minor


CORRECTIONS = st.lists(
    st.tuples(
        DAYS,
        st.sampled_from(["pay", "credit_note", "void", "refund", "write_off"]),
        st.integers(0, 6),
        st.integers(1, 50_000),
    ),
    max_size=6,
).map(lambda found: sorted(found, key=lambda one: one[0]))


def correct(found: Account, on: date, kind: str, position: int, amount_minor: int, key: str) -> None:
    """Correct the invoice at that position, where there is one and it allows it."""
    invoices = [document for document in found.documents if document.kind == "invoice"]
    if position >= len(invoices):
        return
    id_, at = invoices[position].id, first_instant(on, "UTC")
    with suppress(DomainError):
        match kind:
            case "pay":
                correction.pay(found.books, id_, amount_minor, on=on, at=at, key=key)
            case "credit_note":
                correction.credit_note(found.books, id_, amount_minor, None, on=on, at=at, key=key)
            case "refund":
                correction.refund(found.books, id_, amount_minor, on=on, at=at, key=key)
            case "void":
                correction.void(found.books, id_, on=on, at=at, key=key)
            case _:
                correction.write_off(found.books, id_, on=on, at=at, key=key)


@SLOW
@given(agreements(), STEPS, USED, CORRECTIONS)
def test_whatever_is_corrected_nothing_is_left_to_deliver_when_the_contract_is_over(
    agreed: Terms, steps: list[tuple[date, Command]], used: list[Used], wanted: list[tuple[date, str, int, int]]
) -> None:
    waiting = [(on, kind, position, minor, str(key)) for key, (on, kind, position, minor) in enumerate(wanted)]

    def due(found: Account, at: datetime) -> None:
        while waiting and first_instant(waiting[0][0], "UTC") < at:
            correct(found, *waiting.pop(0))

    dated = [(str(on), command) for on, command in steps]
    told = account(agreed, UNTIL, dated, used, may_refuse=True, before=due)
    left = balances(told.books.entries, date(2027, 1, 31))
    assert (left["deferred_revenue"], left["contract_asset"], left["unbilled_receivable"]) == (0, 0, 0)
    assert left["receivable"] == sum(document.open_minor for document in told.documents)
    assert left["customer_credit"] == sum(credit.remaining_minor for credit in told.books.credits.values())
