"""Prepaid credits come back when the invoice that drew them is void, and are drawn again when it is billed again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from domain import correction
from domain.errors import DomainError
from domain.reissue import reissue
from domain.terms import Terms
from tests.domain.ledger import Account, Used, account
from tests.domain.shell import per_unit, terms


def agreed(**stated: Any) -> Terms:
    """100.00 for 110.00 of usage up to and on 15 February, with 20 percent tax, and a 10 percent discount on calls."""
    return terms(
        {"id": "calls", "price": per_unit("1.00"), "meter": "calls", "bill": "arrears"},
        start="2026-01-01",
        meters=[{"id": "calls", "aggregate": "sum"}],
        credits=[{"id": "prepaid", "paid": "100.00", "grants": "110.00", "expires": "2026-02-15", "lines": ["calls"]}],
        tax=[{"name": "VAT", "rate": "20"}],
        pays="on_invoice",
        **stated,
    )


def acts(*steps: tuple[str, str], invoice: int = 1, of: Terms | None = None) -> Callable[[Account, datetime], None]:
    """Void the invoice, or bill it again, on these days; each before the first decision after its day."""
    waiting = list(steps)

    def act(found: Account, at: datetime) -> None:
        while waiting and datetime.fromisoformat(waiting[0][0]).replace(tzinfo=UTC) < at:
            day, what = waiting.pop(0)
            when = datetime.fromisoformat(day).replace(tzinfo=UTC)
            id_ = found.documents[invoice].id
            if what == "void":
                correction.void(found.books, id_, on=when.date(), at=when, key=f"void/{day}")
            else:
                reissue(found.books, id_, of or found.agreed, on=when.date(), at=when, key=f"again/{day}")

    return act


USED = [Used("2026-01-05", "150")]


def test_a_void_gives_back_what_was_drawn_and_its_revenue() -> None:
    """150.00 of January: 110.00 are drawn, which earned 100.00, and 40.00 are owed. All of it is undone in February."""
    found = account(agreed(), "2026-02-14", used=USED, before=acts(("2026-02-05", "void")))
    [grant] = found.books.grants.values()
    assert (grant.used_minor, grant.earned_minor) == (0, 0)
    assert found.revenue == {"2026-01": "140.00", "2026-02": "-140.00"}
    assert found.balances("2026-02-14") == {
        "receivable": "120.00",
        "deferred_revenue": "100.00",
        "tax_payable": "20.00",
    }


def test_credits_that_came_back_pay_the_next_usage() -> None:
    used = [*USED, Used("2026-02-10", "30")]
    found = account(agreed(), "2026-03-02", used=used, before=acts(("2026-02-05", "void")))
    assert found.lines(2) == [("calls", "usage", "30.00"), ("prepaid", "drawn", "-30.00")]


def test_what_has_expired_when_the_invoice_is_void_stays_expired_and_earned() -> None:
    """Only the 40.00 that credits did not pay are undone."""
    found = account(agreed(), "2026-03-31", used=USED, before=acts(("2026-03-05", "void")))
    [grant] = found.books.grants.values()
    assert (grant.used_minor, grant.earned_minor) == (0, 10_000)
    assert found.revenue == {"2026-01": "140.00", "2026-03": "-40.00"}
    assert "deferred_revenue" not in found.balances("2026-03-31")


@pytest.mark.parametrize(
    "days", [("2026-02-05", "2026-02-06"), ("2026-02-05", "2026-03-06"), ("2026-03-05", "2026-03-06")]
)
def test_billed_again_it_is_the_same_invoice_and_earns_the_same(days: tuple[str, str]) -> None:
    """Also where the credits expired before it was void, or between."""
    used = [*USED, Used("2026-02-20", "7"), Used("2026-01-20", "10", told="2026-03-20")]
    stated: dict[str, Any] = {
        "discounts": [{"id": "launch", "percent": "10", "periods": 1}, {"id": "gift", "amount": "5.00"}],
        "commitments": [{"id": "least", "amount": "300.00", "lines": ["calls"], "every": "quarter"}],
    }
    steps = acts((days[0], "void"), (days[1], "again"))
    before = account(agreed(**stated), "2026-04-30", used=used)
    after = account(agreed(**stated), "2026-04-30", used=used, before=steps)
    voided = after.documents[1]
    [again] = [one for one in after.documents if one.corrects == voided.id]
    assert (again.net_minor, again.tax_minor, again.total_minor) == (2000, 400, 2400)
    assert [(line.line_id, line.kind, line.net_minor, line.tax_minor) for line in again.lines] == [
        ("calls", "usage", 13_000, 2600),
        ("prepaid", "drawn", -11_000, -2200),
    ]
    others = [one for one in after.documents if one not in (voided, again)]
    assert [(one.issued_on, one.lines[0].net_minor, one.total_minor) for one in others] == [
        (one.issued_on, one.lines[0].net_minor, one.total_minor)
        for one in before.documents
        if one is not before.documents[1]
    ]
    assert after.balances("2026-04-30") == before.balances("2026-04-30")


def test_what_later_invoices_have_used_is_not_drawn_a_second_time() -> None:
    used = [*USED, Used("2026-02-10", "30")]
    steps = acts(("2026-02-05", "void"), ("2026-03-05", "again"))
    with pytest.raises(DomainError, match="used by later invoices"):
        account(agreed(), "2026-04-01", used=used, before=steps)
