"""Payments read through the API, as the real steps recorded them."""

import httpx

from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.activities.till import Till
from tests.api.live import got


async def test_a_payment_shows_its_one_intent_and_every_attempt(client: httpx.AsyncClient, database: Database) -> None:
    till = Till(database, FakeGateway(outcomes=["card_declined"]))
    till.charge()
    till.charge(2)
    (listed,) = (await got(client, "/v1/payments", contract="con_1"))["items"]
    found = await got(client, f"/v1/payments/{listed['id']}")
    assert (found["status"], found["attempt"], found["intent_id"]) == ("succeeded", 2, "pi_1")
    assert found["amount"] == {"amount_minor": 100_00, "amount": "100.00", "currency": "USD"}
    assert found["settled_at"] == "2013-01-02T00:00:00Z"
    assert [(each["at"], each["status"], each["code"]) for each in found["attempts"]] == [
        ("2013-01-01T00:00:00Z", "failed", "card_declined"),
        ("2013-01-02T00:00:00Z", "succeeded", None),
    ]
    assert {name: value for name, value in found.items() if name != "attempts"} == listed


async def test_payments_are_listed_by_filter(client: httpx.AsyncClient, database: Database) -> None:
    till = Till(database, FakeGateway(outcomes=["card_declined"]))
    till.charge()

    async def invoices(**query: str) -> list[str]:
        return [item["invoice_id"] for item in (await got(client, "/v1/payments", **query))["items"]]

    assert await invoices() == await invoices(status="failed") == await invoices(customer="cus_1") == [till.invoice_id]
    assert await invoices(invoice=till.invoice_id) == [till.invoice_id]
    assert await invoices(status="succeeded") == await invoices(contract="con_2") == []


async def test_an_unknown_payment_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/payments/pay_none")).status_code == 404
