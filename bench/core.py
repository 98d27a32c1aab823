"""How fast the core runs by itself: contract-months in memory, on one core."""

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from statistics import median
from typing import Any

from bench.row import Row
from cases.contract import Contract
from domain.metering import Event
from domain.period import first_instant
from domain.terms import Terms
from sandbox.plan import Plan

MONTHS = 36
CONTRACTS = 60
ROUNDS = 3
START = date(2026, 1, 1)
END = first_instant(date(2029, 1, 1), "UTC")

PLAIN = {"id": "seats", "price": {"model": "per_unit", "amount": "20.00"}, "quantity": 10, "every": "month"}
CALLS = {
    "id": "calls",
    "price": {"model": "graduated", "tiers": [{"up_to": 1000, "unit": "0.05"}, {"up_to": None, "unit": "0.04"}]},
    "meter": "calls",
    "every": "month",
    "bill": "arrears",
}


def _terms(*lines: dict[str, Any], **more: Any) -> Terms:
    stated = [{"bill": "advance", **line} for line in lines]
    return Terms.model_validate({"currency": "USD", "start": START, "lines": stated, **more})


SIMPLE = _terms(PLAIN)
RICH = _terms(
    PLAIN,
    CALLS,
    {"id": "setup", "price": {"model": "flat", "amount": "600.00"}, "every": "once", "recognize": "with_contract"},
    meters=[{"id": "calls", "aggregate": "sum"}],
    term={"months": 12, "renew": "auto"},
    discounts=[{"id": "launch", "percent": "10", "lines": ["seats"], "periods": 12}],
    tax=[{"name": "VAT", "rate": "20"}],
)


async def core_speed(plan: Plan) -> list[Row]:
    """Run contracts in memory for three years."""
    plain, rich = (median(_months_per_s(terms) for _ in range(ROUNDS)) for terms in (SIMPLE, RICH))
    what = f"contract-months/s in memory, plain contracts (with usage, tax, plans: {rich:,.0f})"
    return [Row("core_months_per_s", what, plain, "months/s", ">=", 5000)]


def _months_per_s(terms: Terms) -> float:
    started = time.perf_counter()
    for number in range(CONTRACTS):
        contract = Contract.signed(terms, f"con_{number}")
        if terms.meters:
            contract.use("calls", [_event(number, day) for day in range(1, 29)])
        contract.advance(END)
    return CONTRACTS * MONTHS / (time.perf_counter() - started)


def _event(number: int, day: int) -> Event:
    return Event(f"e{day}", datetime(2026, 1, day, tzinfo=UTC), Decimal(number + day))
