"""Files of contracts to adopt, and the customers that they name."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

from models.customer import Customer
from models.database import Database

# A yearly contract of 1200.00 whose year was billed, adopted in July.
SEATS = {
    "external_id": "A-1",
    "customer": "acme",
    "currency": "EUR",
    "start": "2026-01-01",
    "line": "seats",
    "price": "1200.00",
    "price_model": "flat",
    "every": "year",
    "bill": "advance",
    "billed_through": "2027-01-01",
    "deferred": "600.00",
    "customer_credit": "200.00",
}
# Its usage, billed up to the adoption.
CALLS = {
    **{name: SEATS[name] for name in ("external_id", "customer", "currency", "start")},
    "line": "calls",
    "price": '{"model": "per_unit", "amount": "0.50", "included": 10}',
    "meter": "calls",
    "aggregate": "sum",
    "every": "month",
    "bill": "arrears",
    "billed_through": "2026-07-01",
}


def content(*rows: dict[str, str]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def written(folder: Path, *rows: dict[str, str]) -> Path:
    path = folder / "contracts.csv"
    path.write_bytes(content(*rows))
    return path


def add_customer(database: Database, key: str = "acme") -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with database.transaction() as session:
        session.add(Customer(id=f"cus_{key}", key=key, name=key, labels={}, created_at=at, updated_at=at))
