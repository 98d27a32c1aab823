"""Four months of five contracts on the real parts, each of which is killed with -9 in the middle of billing."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.scenarios.product import Product, running_product

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
def product() -> Iterator[Product]:
    # Not under pytest's own folder: that is closed to the user that PostgreSQL runs as.
    with TemporaryDirectory(prefix="perennial-") as home, running_product(Path(home) / "home") as product:
        _live_through_kills(product)
        yield product


def _live_through_kills(product: Product) -> None:
    clock = product.post("/v1/test-clocks", {"name": "kills", "now": "2025-12-31T00:00:00Z"}, key="clock")["id"]
    for number in range(CONTRACTS):
        customer = product.customer(f"customer-{number}")
        body = {"customer": customer, "clock": clock, "terms": TERMS}
        product.post("/v1/contracts", body, key=f"contract-{number}")
    victims = ("worker", "temporal", "postgres", "stripe", "worker")
    for month, (first, victim) in enumerate(zip(MONTHS, victims, strict=True)):
        if month:
            _send_usage(product, month)
        product.begin_advance(clock, f"{first}T00:00:00Z")
        _once_some_are_issued(product, first)
        product.kill(victim)
        product.arrive(clock, f"{first}T00:00:00Z")


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


def test_every_period_is_billed_once_with_its_own_date_and_amount(product: Product) -> None:
    invoices = product.items("/v1/invoices")
    by_date = Counter((invoice["issued_on"], invoice["total"]["amount"]) for invoice in invoices)
    assert by_date == {
        ("2026-01-01", "100.00"): CONTRACTS,
        ("2026-02-01", "120.00"): CONTRACTS,
        ("2026-03-01", "120.00"): CONTRACTS,
        ("2026-04-01", "120.00"): CONTRACTS,
        ("2026-05-01", "20.00"): CONTRACTS,
    }
    assert {invoice["status"] for invoice in invoices} == {"paid"}


def test_invoice_numbers_have_no_gap(product: Product) -> None:
    numbers = sorted(int(invoice["number"].rpartition("-")[2]) for invoice in product.items("/v1/invoices"))
    assert numbers == list(range(1, 5 * CONTRACTS + 1))


def test_the_gateway_captured_each_invoice_exactly_once(product: Product) -> None:
    captures = product.stripe.journal(kind="capture")
    assert len(captures) == len({capture["payment_intent"] for capture in captures}) == 5 * CONTRACTS
    assert sum(capture["amount"] for capture in captures) == 48_000 * CONTRACTS


def test_the_books_balance_and_everything_that_was_billed_is_revenue(product: Product) -> None:
    balances = dict(product.query("select account, sum(amount_minor) from journal_line group by account"))
    assert {account: balance for account, balance in balances.items() if balance} == {
        "gateway_clearing": 48_000 * CONTRACTS,
        "revenue": -48_000 * CONTRACTS,
    }


def test_revenue_lies_in_the_months_in_which_it_was_earned(product: Product) -> None:
    months = product.query(
        "select to_char(posting_on, 'YYYY-MM'), -sum(amount_minor) from journal_line join journal_entry e"
        " on e.id = entry_id where account = 'revenue' group by 1 order by 1"
    )
    assert months == [(f"2026-0{month}", 12_000 * CONTRACTS) for month in (1, 2, 3, 4)]


def test_each_event_is_on_one_rated_line(product: Product) -> None:
    counted = product.query("select sum(event_count) from rated_line")
    assert counted == [(4 * 2 * CONTRACTS,)]


def test_every_contract_has_expired(product: Product) -> None:
    assert {contract["status"] for contract in product.items("/v1/contracts")} == {"expired"}
