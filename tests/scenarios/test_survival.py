"""Four months of five contracts on the real parts, each of which is killed with -9 in the middle of billing."""

import time
from collections import Counter
from typing import Any

import pytest

from tests.scenarios.product import Product

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(400)]

CONTRACTS = 5
MONTHS = ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01")
TERMS = {
    "currency": "USD",
    "start": "2026-01-01",
    "term": {"months": 4},
    "meters": [{"id": "calls", "aggregate": "sum"}],
    "lines": [
        {
            "id": "plan",
            "price": {"model": "flat", "amount": "100.00"},
            "every": "month",
            "bill": "advance",
        },
        {
            "id": "calls",
            "price": {"model": "graduated", "tiers": [{"up_to": 10, "unit": "1.00"}, {"up_to": None, "unit": "0.50"}]},
            "meter": "calls",
            "every": "month",
            "bill": "arrears",
        },
    ],
}


@pytest.fixture(scope="module")
def contracts(product: Product) -> list[str]:
    """The ids of contracts that have lived through the kills."""
    clock = product.post("/v1/test-clocks", {"name": "kills", "now": "2025-12-31T00:00:00Z"}, key="clock")["id"]
    ids = []
    for number in range(CONTRACTS):
        customer = product.customer(f"customer-{number}")
        body = {"customer": customer, "clock": clock, "terms": TERMS}
        ids.append(str(product.post("/v1/contracts", body, key=f"contract-{number}")["id"]))
    victims = ("worker", "temporal", "postgres", "stripe", "worker")
    for month, (first, victim) in enumerate(zip(MONTHS, victims, strict=True)):
        if month:
            _send_usage(product, month)
        product.begin_advance(clock, f"{first}T00:00:00Z")
        _once_some_are_issued(product, first)
        product.kill(victim)
        product.arrive(clock, f"{first}T00:00:00Z")
    return ids


def _send_usage(product: Product, month: int) -> None:
    """30 calls for each customer on the 15th, in a batch that is sent twice: 10 x 1.00 + 20 x 0.50 = 20.00."""
    events = [
        {
            "id": f"{month}-{number}-{half}",
            "customer": f"customer-{number}",
            "event": "calls",
            "at": f"2026-{month:02}-15T12:00:00Z",
            "value": "15",
        }
        for number in range(CONTRACTS)
        for half in ("a", "b")
    ]
    for _ in range(2):
        answer = product.post("/v1/usage", events)
        assert {result["result"] for result in answer["results"]} <= {"accepted", "duplicate"}, answer


def _issued(product: Product, on: str) -> int:
    (row,) = product.query(f"select count(*) from invoice where issued_on = '{on}'")
    return int(row[0])


def _once_some_are_issued(product: Product, on: str) -> None:
    """Wait for the moment amid billing, which may pass unseen where billing is quick."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and not 0 < _issued(product, on) < CONTRACTS:
        time.sleep(0.005)


def _invoices(product: Product, contracts: list[str]) -> list[Any]:
    return [invoice for contract in contracts for invoice in product.items("/v1/invoices", contract=contract)]


def test_every_period_is_billed_once_with_its_own_date_and_amount(product: Product, contracts: list[str]) -> None:
    invoices = _invoices(product, contracts)
    by_date = Counter((invoice["issued_on"], invoice["total"]["amount"]) for invoice in invoices)
    assert by_date == {
        ("2026-01-01", "100.00"): CONTRACTS,
        ("2026-02-01", "120.00"): CONTRACTS,
        ("2026-03-01", "120.00"): CONTRACTS,
        ("2026-04-01", "120.00"): CONTRACTS,
        ("2026-05-01", "20.00"): CONTRACTS,
    }
    assert {invoice["status"] for invoice in invoices} == {"paid"}


def test_invoice_numbers_have_no_gap(product: Product, contracts: list[str]) -> None:
    numbers = sorted(
        int(invoice["number"].rpartition("-")[2]) for invoice in product.items("/v1/invoices", kind="invoice")
    )
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 5 * CONTRACTS


def test_the_gateway_captured_each_invoice_exactly_once(product: Product, contracts: list[str]) -> None:
    rows = product.query(f"select intent_id from payment where contract_id = any(array{contracts})")
    captures = Counter(capture["payment_intent"] for capture in product.stripe.journal(kind="capture"))
    assert [captures[intent] for (intent,) in rows] == [1] * (5 * CONTRACTS)


def test_the_books_balance_and_everything_that_was_billed_is_revenue(product: Product, contracts: list[str]) -> None:
    balances = product.query(
        "select account, sum(amount_minor) from journal_line l join journal_entry e on e.id = l.entry_id"
        f" where e.contract_id = any(array{contracts}) group by account having sum(amount_minor) <> 0"
    )
    assert dict(balances) == {"gateway_clearing": 48_000 * CONTRACTS, "revenue": -48_000 * CONTRACTS}


def test_revenue_lies_in_the_months_in_which_it_was_earned(product: Product, contracts: list[str]) -> None:
    months = product.query(
        "select to_char(posting_on, 'YYYY-MM'), -sum(amount_minor) from journal_line l join journal_entry e"
        f" on e.id = l.entry_id where account = 'revenue' and e.contract_id = any(array{contracts})"
        " group by 1 order by 1"
    )
    assert months == [(f"2026-0{month}", 12_000 * CONTRACTS) for month in (1, 2, 3, 4)]


def test_each_event_is_on_one_rated_line(product: Product, contracts: list[str]) -> None:
    counted = product.query(f"select sum(event_count) from rated_line where contract_id = any(array{contracts})")
    assert counted == [(4 * 2 * CONTRACTS,)]


def test_every_contract_has_expired(product: Product, contracts: list[str]) -> None:
    assert {product.get(f"/v1/contracts/{contract}")["status"] for contract in contracts} == {"expired"}
