"""Customers, contracts and usage to store in tests."""

from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from models.contract import Contract
from models.customer import Customer
from models.usage import UsageEvent

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
FEBRUARY = datetime(2013, 2, 1, tzinfo=UTC)
MARCH = datetime(2013, 3, 1, tzinfo=UTC)


def add_customer(session: Session, key: str) -> None:
    session.add(Customer(id=f"cus_{key}", key=key, name=key, labels={}, created_at=JANUARY, updated_at=JANUARY))
    session.flush()


def add_contract(
    session: Session, key: str, *, number: int = 1, starts_at: datetime = JANUARY, ends_at: datetime | None = None
) -> str:
    """Store contract `number` of the customer `key` and return its id."""
    contract_id = f"con_{key}_{number}"
    session.add(
        Contract(
            id=contract_id,
            customer_id=f"cus_{key}",
            currency="USD",
            status="active",
            version=1,
            terms={},
            state={},
            starts_at=starts_at,
            ends_at=ends_at,
            mrr_minor=0,
            created_at=JANUARY,
        )
    )
    session.flush()
    return contract_id


def sign(session: Session, key: str, **term: Any) -> str:
    """A customer with one contract."""
    add_customer(session, key)
    return add_contract(session, key, **term)


def departure(event_id: str, at: datetime = JANUARY, key: str | None = "UA", **changes: Any) -> UsageEvent:
    values: dict[str, Any] = {
        "source": "airport",
        "event_id": event_id,
        "event": "departure",
        "at": at,
        "customer_key": key,
        "properties": {"origin": "EWR", "seats": 178},
    }
    return UsageEvent(**(values | changes))


def seats(event_id: str, count: object, origin: str = "EWR", at: datetime = JANUARY) -> UsageEvent:
    properties: dict[str, object] = {"origin": origin, "seats": count}
    return departure(event_id, at, properties=properties)
