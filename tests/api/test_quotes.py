"""Quotes through the API, as those see them who make them."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, bearer, rows, under
from tests.api.live import add_customer, advance, created, got, new_clock, serving, terms
from tests.api.quoting import FAR, drafted, dump, sent, step
from tests.live import working

LIMITS = {"discount_percent_max": "20", "term_months_max": 24}


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an API with its workers."""
    add_customer(database)
    async with serving(database, temporal, clock, admin_key) as made, working(temporal, database, FakeGateway()):
        yield made


async def refused(client: httpx.AsyncClient, path: str, body: dict[str, Any], **headers: str) -> tuple[int, str]:
    answer = await client.post(path, json=body, headers=headers)
    return answer.status_code, answer.json()["type"].removeprefix("urn:perennial:problem:")


async def test_a_quote_drafted_while_temporal_is_away_is_stored_and_waits(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    quote = await drafted(client, terms=terms(start="2098-01-01", timezone="America/New_York"))
    assert (quote["status"], quote["version"], quote["workflow_started_at"]) == ("draft", 1, None)
    assert (quote["valid_until"], quote["expires_at"]) == (FAR, "2100-01-01T05:00:00Z")
    assert [event["happened"] for event in quote["history"]] == ["version 1 drafted"]
    assert await got(client, f"/v1/quotes/{quote['id']}") == quote
    assert (await client.post(f"/v1/quotes/{quote['id']}/submit")).status_code == 503
    assert rows(database, "SELECT action FROM audit_log") == [("quote.drafted",)]


async def test_a_quote_drafted_twice_under_one_key_is_one_quote(client: httpx.AsyncClient, database: Database) -> None:
    add_customer(database)
    body = {"customer": "b6", "terms": terms(), "valid_until": FAR}
    answers = [await client.post("/v1/quotes", json=body, headers=under("key-1")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert rows(database, "SELECT count(*) FROM quote") == [(1,)]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"customer": "nobody"}, "/customer"),
        ({"clock": "clk_none"}, "/clock"),
        ({"terms": terms(lines=[])}, "/terms/lines"),
        ({"terms": terms(colour="red")}, "/terms/colour"),
        ({"valid_until": "2026-02-28"}, "/valid_until"),
        ({"valid_until": "soon"}, "/valid_until"),
        ({"plan": {"id": "none"}, "terms": {"start": "2098-01-01"}}, "/plan/id"),
    ],
)
async def test_what_is_wrong_with_a_quote_is_named_by_its_place(
    client: httpx.AsyncClient, database: Database, change: dict[str, Any], pointer: str
) -> None:
    add_customer(database)
    answer = await client.post("/v1/quotes", json={"customer": "b6", "terms": terms(), "valid_until": FAR, **change})
    assert answer.status_code in (409, 422)
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
    assert rows(database, "SELECT count(*) FROM quote") == [(0,)]


async def test_who_may_approve_is_a_scope_and_never_the_one_who_submitted(
    live: httpx.AsyncClient, key_with: Callable[..., str], database: Database
) -> None:
    seller, boss = key_with("quotes:write", "quotes:read"), key_with("quotes:approve")
    both = key_with("quotes:write", "quotes:approve")
    assert (await live.put("/v1/quote-limits", json=LIMITS)).status_code == 200
    quote = await drafted(live, terms=terms(start="2098-01-01", term={"months": 36}))
    waiting = await step(live, quote, "submit", key=both)
    assert waiting["status"] == "pending_approval"
    assert waiting["beyond_limits"] == [{"field": "/term/months", "message": "a term of 36 months, more than 24"}]
    path = f"/v1/quotes/{quote['id']}/approve"
    assert await refused(live, path, {}, **bearer(seller)) == (403, "forbidden")
    assert await refused(live, path, {}, **bearer(both)) == (409, "refused-change")
    # The key of `live` wrote the version, and may do everything else.
    assert await refused(live, path, {}) == (409, "refused-change")
    assert await refused(live, path, {"expected_version": 2}, **bearer(boss)) == (409, "stale-version")
    approved = await step(live, quote, "approve", key=boss)
    assert approved["status"] == "approved"
    assert approved["approved_by"] not in (None, approved["drafted_by"], approved["submitted_by"])
    actions = [action for (action,) in rows(database, "SELECT action FROM audit_log ORDER BY sequence")]
    assert actions == ["quote_limits.set", "quote.drafted", "quote.submitted", "quote.approved"]


async def test_limits_are_read_as_they_were_set_and_only_an_admin_sets_them(
    live: httpx.AsyncClient, key_with: Callable[..., str]
) -> None:
    none = {
        "discount_percent_max": None,
        "term_months_max": None,
        "free_trial_days_max": None,
        "payment_terms_days_max": None,
    }
    assert await got(live, "/v1/quote-limits") == none
    for scopes in (("quotes:write",), ("quotes:approve",)):
        headers = bearer(key_with(*scopes))
        assert (await live.put("/v1/quote-limits", json=LIMITS, headers=headers)).status_code == 403
    await live.put("/v1/quote-limits", json=LIMITS)
    assert await got(live, "/v1/quote-limits") == none | LIMITS
    assert (await live.put("/v1/quote-limits", json={"discount_percent_max": "101"})).status_code == 422


async def test_a_rejected_quote_is_revised_and_keeps_all_its_versions(
    live: httpx.AsyncClient, key_with: Callable[..., str]
) -> None:
    await live.put("/v1/quote-limits", json=LIMITS)
    quote = await drafted(live, terms=terms(start="2098-01-01", term={"months": 36}))
    await step(live, quote, "submit")
    rejected = await step(live, quote, "reject", {"reason": "two years at most"}, key_with("quotes:approve"))
    assert (rejected["status"], rejected["remark"]) == ("draft", "two years at most")
    other = {"terms": terms(start="2098-01-01", term={"months": 24}), "expected_version": 1}
    revised = await step(live, quote, "revise", other)
    assert (revised["version"], revised["status"], revised["valid_until"]) == (2, "draft", FAR)
    assert (await step(live, quote, "submit"))["status"] == "approved"
    versions = await got(live, f"/v1/quotes/{quote['id']}/versions")
    assert [(one["version"], one["terms"]["term"]["months"]) for one in versions] == [(1, 36), (2, 24)]
    assert await refused(live, f"/v1/quotes/{quote['id']}/revise", other) == (409, "stale-version")


async def test_a_price_below_the_plan_s_needs_an_approval(live: httpx.AsyncClient) -> None:
    await live.put("/v1/quote-limits", json=LIMITS)
    await created(live, "/v1/products", {"id": "gate", "name": "Gate"})
    await created(live, "/v1/plans", {"id": "pro", "product": "gate", "name": "Pro"})
    offered = {"currency": "USD", "lines": [terms()["lines"][0]]}
    await created(live, "/v1/plans/pro/versions", {"terms": offered})
    assert (await live.post("/v1/plans/pro/versions/1/publish")).status_code == 200
    cheaper = {"id": "pro", "overrides": {"gates": {"price": {"model": "per_unit", "amount": "75.00"}}}}
    quote = await drafted(live, plan=cheaper, terms={"start": "2098-01-01"})
    waiting = await step(live, quote, "submit")
    assert [one["message"] for one in waiting["beyond_limits"]] == ["25 percent off gates, more than 20"]
    assert waiting["terms"]["plan"] == {"id": "pro", "version": 1}


async def test_a_link_is_shown_once_and_stored_as_a_hash_only(live: httpx.AsyncClient, database: Database) -> None:
    quote = await drafted(live)
    await step(live, quote, "submit")
    path = f"/v1/quotes/{quote['id']}/send"
    first = await live.post(path, json={}, headers=under("key-1"))
    again = await live.post(path, json={}, headers=under("key-1"))
    assert again.json() == first.json() | {"link": None}
    token = first.json()["link"].removeprefix("/v1/public/quotes/")
    assert len(token) == 43
    assert token not in dump(database)
    assert (await live.get(first.json()["link"])).status_code == 200


async def test_a_step_out_of_turn_is_refused_in_words(live: httpx.AsyncClient) -> None:
    quote = await drafted(live)
    answer = await live.post(f"/v1/quotes/{quote['id']}/send")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "the quote is draft; only one that is approved or sent can be sent"


async def test_a_withdrawn_quote_takes_no_more_steps(live: httpx.AsyncClient) -> None:
    quote = await sent(live)
    withdrawn = await step(live, quote, "withdraw", {"reason": "sold otherwise"})
    assert (withdrawn["status"], withdrawn["remark"]) == ("withdrawn", "sold otherwise")
    assert await refused(live, f"/v1/quotes/{quote['id']}/send", {}) == (409, "quote-ended")


async def test_on_a_test_clock_a_quote_expires_by_the_clock(live: httpx.AsyncClient, database: Database) -> None:
    clock_id = await new_clock(live, "2013-01-01T00:00:00Z")
    quote = await sent(live, clock=clock_id, terms=terms(start="2013-02-01"), valid_until="2013-01-31")
    await advance(live, clock_id, "2013-01-31T23:59:59Z")
    assert (await got(live, f"/v1/quotes/{quote['id']}"))["status"] == "sent"
    await advance(live, clock_id, "2013-02-01T00:00:00Z")
    assert (await got(live, f"/v1/quotes/{quote['id']}"))["status"] == "expired"
    assert rows(database, "SELECT status FROM quote") == [("expired",)]
    assert (await live.get(quote["link"])).status_code == 410
    assert (await refused(live, f"/v1/quotes/{quote['id']}/send", {}))[0] == 409


async def test_a_quote_shows_what_it_would_bring(client: httpx.AsyncClient, database: Database) -> None:
    """Two gates at 100.00 for twelve months; departures come on top."""
    add_customer(database)
    quote = await drafted(client)
    shown = await got(client, f"/v1/quotes/{quote['id']}/preview")
    assert (shown["until"], shown["invoices_in_all"], shown["total"]["amount"]) == ("2099-01-01", 12, "2400.00")
    assert shown["invoices"][0]["lines"][0]["line"] == "gates"
    assert shown["revenue"][0] == {
        "month": "2098-01",
        "revenue": {"amount_minor": 200_00, "amount": "200.00", "currency": "USD"},
    }


async def test_quotes_are_listed_newest_first_and_by_customer_and_status(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    add_customer(database, "ua")
    first, second = (await drafted(client))["id"], (await drafted(client, "ua"))["id"]

    async def ids(**query: str) -> list[str]:
        return [item["id"] for item in (await got(client, "/v1/quotes", **query))["items"]]

    assert await ids() == [second, first]
    assert await ids(customer="ua") == [second]
    assert await ids(customer="nobody") == []
    assert await ids(status="sent") == []
    page = await got(client, "/v1/quotes", limit="1")
    assert await ids(limit="1", cursor=page["next_cursor"]) == [first]


@pytest.mark.parametrize("path", ["", "/versions", "/preview"])
async def test_an_unknown_quote_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/v1/quotes/quo_none{path}")).status_code == 404
    assert (await client.post("/v1/quotes/quo_none/submit")).status_code in (404, 503)
