"""The journal read through the API, as the real steps posted it."""

from datetime import date

import httpx
import pytest

from models.database import Database
from tests.activities.story import Story, line, per_unit, terms
from tests.api.live import got


@pytest.fixture
def story(database: Database) -> Story:
    """31.00 a month in advance: billed on the first, earned day by day."""
    told = Story(database, terms(line("plan", per_unit("31.00"))))
    told.until(date(2013, 2, 1))
    return told


@pytest.mark.usefixtures("story")
async def test_the_trial_balance_adds_up_on_any_day(client: httpx.AsyncClient) -> None:
    """Two invoices of 31.00 are billed, January's is earned."""
    found = await got(client, "/v1/journal/trial-balance")
    balances = {row["account"]: row["balance"]["amount"] for row in found["accounts"]}
    assert balances == {"receivable": "62.00", "contract_position": "-31.00", "revenue": "-31.00"}
    assert found["balanced"] is True
    assert found["positions"] == [
        {
            "currency": "USD",
            "contract_asset": {"amount_minor": 0, "amount": "0.00", "currency": "USD"},
            "deferred_revenue": {"amount_minor": 31_00, "amount": "31.00", "currency": "USD"},
        }
    ]
    before = await got(client, "/v1/journal/trial-balance", at="2012-12-31")
    assert (before["accounts"], before["balanced"]) == ([], True)


@pytest.mark.usefixtures("story")
async def test_revenue_is_told_by_month(client: httpx.AsyncClient) -> None:
    found = await got(client, "/v1/journal/revenue")
    assert [(row["month"], row["revenue"]["amount"]) for row in found["months"]] == [("2013-01", "31.00")]
    assert (await got(client, "/v1/journal/revenue", contract="con_2"))["months"] == []


@pytest.mark.usefixtures("story")
async def test_entries_are_read_page_by_page_in_the_order_of_their_day(client: httpx.AsyncClient) -> None:
    everything = (await got(client, "/v1/journal/entries"))["items"]
    assert len(everything) >= 3
    assert [entry["posting_on"] for entry in everything] == sorted(entry["posting_on"] for entry in everything)
    for entry in everything:
        sides = {"debit": 0, "credit": 0}
        for each in entry["lines"]:
            sides[each["side"]] += each["amount"]["amount_minor"]
        assert sides["debit"] == sides["credit"] > 0
    page, paged = await got(client, "/v1/journal/entries", limit="1"), []
    paged += page["items"]
    while page["next_cursor"]:
        page = await got(client, "/v1/journal/entries", limit="1", cursor=page["next_cursor"])
        paged += page["items"]
    assert paged == everything


@pytest.mark.usefixtures("story")
async def test_entries_are_read_by_filter(client: httpx.AsyncClient) -> None:
    async def days(**query: str) -> list[str]:
        return [entry["posting_on"] for entry in (await got(client, "/v1/journal/entries", **query))["items"]]

    assert await days(account="receivable") == ["2013-01-01", "2013-02-01"]
    assert await days(account="receivable", posted_from="2013-02-01") == ["2013-02-01"]
    assert await days(account="receivable", posted_to="2013-02-01") == ["2013-01-01"]
    assert await days(contract="con_2") == await days(customer="cus_2") == await days(invoice="inv_none") == []


@pytest.mark.parametrize("cursor", ["nonsense", "MjAxMy0wMS0wMQ", "s", "MjAxMy0xMy0wMS4x"])
async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/v1/journal/entries", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "cursor")
