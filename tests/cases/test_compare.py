"""What counts as a difference between a story and what is expected: only what is stated, and that to the letter."""

from datetime import date
from typing import Any

import pytest

from cases.compare import differences
from cases.format import Scenario
from cases.memory import Memory
from cases.mistakes import Unreadable
from cases.reading import parse_case

SECOND = {"id": "extra", "price": {"model": "flat", "amount": "2.00"}, "every": "month", "bill": "advance"}


def differing(expect: dict[str, Any]) -> list[str]:
    """A contract of 10.00 + 2.00 a month, of which 5.00 are credited on the tenth, against `expect`."""
    raw = {
        "name": "given",
        "kind": "scenario",
        "start": "2026-01-01",
        "end": "2026-02-28",
        "contract": {
            "start": "2026-01-01",
            "lines": [SECOND | {"id": "plan", "price": {"model": "flat", "amount": "10.00"}}, SECOND],
        },
        "steps": [{"at": date(2026, 1, 10), "credit_note": {"invoice": 1, "amount": "5.00", "line": "plan"}}],
        "expect": expect,
    }
    case = parse_case(raw)
    assert isinstance(case, Scenario)
    return differences(case.expect, Memory().run(case))


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"invoices": [{}, {}]},
        {"invoices": [{"total": "12.00"}, {"status": "paid", "due": "7.00", "credit_applied": "5.00"}]},
        {"invoices": [{"lines": [{"line": "plan"}, {"amount": "2"}]}, {}]},
        {"credit_notes": [{"invoice": 1, "total": "5.00", "date": "2026-01-10"}]},
        {"revenue": {"2026-02": "12.00", "2026-03": "0.00"}},
        {"revenue_by_line": {"extra": {"2026-01": "2.00"}, "other": {"2026-01": "0.00"}}},
        {"balances": {"2026-02-28": {"receivable": "0.00", "cash": "19.00"}}},
    ],
)  # fmt: skip
def test_what_is_not_stated_is_not_compared(expect: dict[str, Any]) -> None:
    assert differing(expect) == []


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ({"status": "paused"}, "status: expected paused, got active"),
        ({"invoices": []}, "invoices: expected 0, got 2 (2026-01-01 12.00, 2026-02-01 12.00)"),
        ({"invoices": [{}]}, "invoices: expected 1, got 2 (2026-01-01 12.00, 2026-02-01 12.00)"),
        ({"credit_notes": []}, "credit_notes: expected 0, got 1 (2026-01-10 5.00)"),
        ({"invoices": [{"date": "2026-02-01"}, {}]}, "invoices[0].date: expected 2026-02-01, got 2026-01-01"),
        ({"invoices": [{"lines": []}, {}]}, "invoices[0].lines: expected 0, got 2 (plan 10.00, extra 2.00)"),
        ({"invoices": [{"lines": [{"line": "extra"}, {}]}, {}]}, "invoices[0].lines[0].line: expected extra, got plan"),
        (
            {"invoices": [{"lines": [{"period": ["2026-01-01", "2026-01-31"]}, {}]}, {}]},
            "invoices[0].lines[0].period: expected [2026-01-01, 2026-01-31], got [2026-01-01, 2026-02-01]",
        ),
        ({"credit_notes": [{"invoice": 2}]}, "credit_notes[0].invoice: expected 2, got 1"),
        ({"revenue": {"2025-12": "1.00"}}, "revenue.2025-12: expected 1.00, got 0.00"),
        ({"revenue": {"2026-02": "12.001"}}, "revenue.2026-02: expected 12.001, got 12.00"),
        (
            {"revenue_by_line": {"extra": {"2026-02": "3.00"}}},
            "revenue_by_line.extra.2026-02: expected 3.00, got 2.00",
        ),
        ({"balances": {"2026-01-31": {"cash": "0"}}}, "balances.2026-01-31.cash: expected 0.00, got 12.00"),
    ],
)  # fmt: skip
def test_what_is_stated_and_is_otherwise_is_told_with_both(expect: dict[str, Any], told: str) -> None:
    assert differing(expect) == [told]


def test_several_differences_are_told_in_the_order_of_the_format() -> None:
    expect = {"status": "open", "tax": "1", "net": "1", "total": "1", "date": "2026-02-01"}
    assert [told.partition(":")[0] for told in differing({"invoices": [expect, {}]})] == [
        *("invoices[0].date", "invoices[0].total", "invoices[0].net", "invoices[0].tax", "invoices[0].status"),
    ]


@pytest.mark.parametrize(
    "expect", [{"status": None}, {"invoices": None}, {"revenue": None}, {"invoices": [{"total": None}]}]
)
def test_a_key_with_nothing_behind_it_is_a_mistake(expect: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="nothing stands here; leave the key out"):
        differing(expect)
