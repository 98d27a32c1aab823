"""Contracts that move to a version of their plan, through the API, with real workflows and steps."""

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
from temporalio.client import Client

from models.database import Database
from tests.activities.gateway import FakeGateway
from tests.api.given import Clock, as_owner, bearer, rows, under
from tests.api.live import add_customer, advance, created, got, new_clock, serving
from tests.api.offers import done, draft, new_plan, plan_terms, published
from tests.live import until, working

MIGRATIONS: Final = "/v1/plans/pro/versions/2/migrations"
SEATS: Final = {"id": "seats", "every": "month", "bill": "advance"}


@pytest.fixture
async def live(database: Database, temporal: Client, clock: Clock, admin_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """The API with Temporal, and the product's workers."""
    async with (
        serving(database, temporal, clock, admin_key) as made,
        working(temporal, database, FakeGateway()),
    ):
        yield made


async def sign(client: httpx.AsyncClient, customer: str = "b6", clock: str | None = None, **plan: Any) -> str:
    """The id of a contract on version 1 of the plan, without its setup."""
    body = {
        "customer": customer,
        "plan": {"id": "pro", "version": 1, "without": ["setup"], **plan},
        "terms": {"start": "2013-01-01"},
        **({"clock": clock} if clock else {}),
    }
    return str((await created(client, "/v1/contracts", body))["id"])


async def two_versions(client: httpx.AsyncClient, **second: Any) -> None:
    """Seats at 20.00, and then at 22.00."""
    await new_plan(client)
    await published(client, "pro", plan_terms())
    await published(client, "pro", plan_terms("22.00", **second))


async def migrated(client: httpx.AsyncClient, **selection: Any) -> dict[str, Any]:
    """A migration that is finished."""
    answer = await client.post(MIGRATIONS, json=selection)
    assert answer.status_code == 202, answer.text
    path = answer.headers["Location"]

    async def finished() -> bool:
        return (await got(client, path))["finished_at"] is not None

    await until(finished)
    found: dict[str, Any] = await got(client, path)
    return found


async def outcomes(client: httpx.AsyncClient, migration: dict[str, Any], **query: str) -> list[tuple[str, str]]:
    found = await got(client, f"/v1/migrations/{migration['id']}/contracts", **query)
    return [(item["contract_id"], item["outcome"]) for item in found["items"]]


def totals(database: Database, contract_id: str) -> list[tuple[str, int]]:
    found = rows(
        database,
        f"SELECT issued_on, total_minor FROM invoice WHERE contract_id = '{contract_id}' ORDER BY document",
    )
    return [(str(day), minor) for day, minor in found]


async def test_the_preview_is_what_is_billed_next(live: httpx.AsyncClient, database: Database) -> None:
    """Five seats at 22.00 in place of 20.00; seven for another price stay; 30 calls at 0.01 are due all the same."""
    add_customer(database)
    clock = await new_clock(live)
    await two_versions(live)
    plain = await sign(live, clock=clock)
    special = await sign(
        live,
        clock=clock,
        overrides={"seats": {"price": {"model": "per_unit", "amount": "18.00"}, "quantity": "7"}},
    )
    await advance(live, clock, "2013-01-16T00:00:00Z")
    event = {"source": "test", "id": "e1", "event": "api_calls", "at": "2013-01-10T00:00:00Z", "value": "30"}
    taken = await live.post("/v1/usage", json=[event | {"contract": plain}])
    assert taken.json()["results"][0]["result"] == "accepted", taken.text

    preview = (await live.post(f"{MIGRATIONS}/preview", json={})).json()
    shown = {item["contract_id"]: item for item in preview["items"]}
    assert (preview["selected"], preview["counts"]) == (2, {"moves": 2, "unchanged": 0, "refused": 0})
    [change] = shown[plain]["changes"]
    assert (change["on"], change["change"]["price"]["amount"], change["before"]["price"]["amount"]) == (
        "2013-02-01",
        "22.00",
        "20.00",
    )
    assert shown[special]["changes"] == []
    assert [shown[plain][side]["total"]["amount_minor"] for side in ("before", "after")] == [10030, 11030]
    assert [shown[special][side]["total"]["amount_minor"] for side in ("before", "after")] == [12600, 12600]
    assert preview["totals"]["USD"]["contracts"] == 2
    assert [preview["totals"]["USD"][side]["amount"] for side in ("before", "after")] == ["226.30", "236.30"]

    done_ = await migrated(live)
    assert (done_["status"], done_["total"], done_["moved"], done_["remaining"]) == ("finished", 2, 2, 0)
    await advance(live, clock, "2013-02-01T00:00:00Z")
    for contract_id in (plain, special):
        after = shown[contract_id]["after"]
        assert totals(database, contract_id)[1:] == [(after["issued_on"], after["total"]["amount_minor"])]
        terms = (await got(live, f"/v1/contracts/{contract_id}"))["terms"]
        assert terms["plan"] == {"id": "pro", "version": 2}


async def test_contracts_that_cannot_move_are_refused_and_the_others_move(
    live: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    clock = await new_clock(live)
    await two_versions(live)
    moves, cancelled, elsewhere, there = [await sign(live, clock=clock) for _ in range(4)]
    await advance(live, clock, "2013-01-16T00:00:00Z")
    assert (await live.post(f"/v1/contracts/{cancelled}/cancel", json={})).status_code == 200
    await migrated(live, contracts=[there])
    body = {"change": {"kind": "revise", "plan": {"id": "max", "version": 1}}}
    assert (await live.post(f"/v1/contracts/{elsewhere}/amendments", json=body)).status_code == 200

    named = {"contracts": [there, moves, cancelled, elsewhere]}
    preview = (await live.post(f"{MIGRATIONS}/preview", json=named)).json()
    assert preview["counts"] == {"moves": 1, "unchanged": 1, "refused": 2}
    made = await migrated(live, **named)
    assert [made[name] for name in ("total", "moved", "unchanged", "refused", "cancelled")] == [4, 1, 1, 2, 0]
    assert await outcomes(live, made) == [
        (moves, "moved"),
        (cancelled, "refused"),
        (elsewhere, "refused"),
        (there, "unchanged"),
    ]
    listed = await got(live, f"/v1/migrations/{made['id']}/contracts", outcome="refused")
    reasons = {item["contract_id"]: item["reason"] for item in listed["items"]}
    assert reasons == {
        cancelled: "the contract was cancelled and ends on 2013-02-01",
        elsewhere: "the contract is not on the plan pro",
    }
    assert {item["contract_id"]: item["reason"] for item in preview["items"] if item["reason"]} == reasons
    first = await got(live, f"/v1/migrations/{made['id']}/contracts", limit="3")
    assert await outcomes(live, made, limit="3", cursor=first["next_cursor"]) == [(there, "unchanged")]


async def test_a_migration_selects_by_version_and_customer(client: httpx.AsyncClient, database: Database) -> None:
    for key in ("b6", "ua"):
        add_customer(database, key)
    await two_versions(client)
    await published(client, "pro", plan_terms("23.00"))
    first, second, others = await sign(client), await sign(client, version=3), await sign(client, "ua")
    await sign(client, version=2)

    async def chosen(**selection: Any) -> list[str]:
        answer = await client.post(f"{MIGRATIONS}/preview", json=selection)
        assert answer.status_code == 200, answer.text
        return [item["contract_id"] for item in answer.json()["items"]]

    assert await chosen() == [others, second, first]
    assert await chosen(from_versions=[1]) == [others, first]
    assert await chosen(customers=["b6"]) == [second, first]
    assert await chosen(customers=["cus_ua"], from_versions=[1, 3]) == [others]
    page = (await client.post(f"{MIGRATIONS}/preview", json={}, params={"limit": 2})).json()
    rest = await client.post(f"{MIGRATIONS}/preview", json={}, params={"limit": 2, "cursor": page["next_cursor"]})
    assert [item["contract_id"] for item in rest.json()["items"]] == [first]
    assert (page["selected"], rest.json()["next_cursor"]) == (3, None)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"contracts": ["con_none"]}, 422, "/contracts/0"),
        ({"customers": ["b6", "none"]}, 422, "/customers/1"),
        ({"contracts": ["con_none"], "from_versions": [1]}, 422, ""),
        ({"from_versions": [0]}, 422, "/from_versions/0"),
        ({"effective": "now"}, 422, "/effective"),
        ({"from_versions": [7]}, 409, None),
    ],
)
async def test_a_selection_that_means_nothing_is_refused(
    client: httpx.AsyncClient, database: Database, body: dict[str, Any], status: int, pointer: str | None
) -> None:
    add_customer(database)
    await two_versions(client)
    await sign(client)
    answer = await client.post(MIGRATIONS, json=body)
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert rows(database, "SELECT count(*) FROM plan_migration") == [(0,)]


async def test_contracts_move_to_published_versions_only(client: httpx.AsyncClient, database: Database) -> None:
    await new_plan(client)
    await published(client, "pro", plan_terms())
    await draft(client, "pro", plan_terms("22.00"))
    for path, status in ((MIGRATIONS, 409), ("/v1/plans/pro/versions/9/migrations", 404)):
        assert (await client.post(path, json={})).status_code == status
        assert (await client.post(f"{path}/preview", json={})).status_code == status
    await done(client, "/v1/plans/pro/versions/2/publish")
    await done(client, "/v1/plans/pro/versions/2/retire")
    answer = await client.post(MIGRATIONS, json={})
    assert answer.json()["detail"] == "version 2 of pro is retired; contracts move to a published one"


async def test_without_temporal_a_migration_waits_and_can_be_cancelled(
    client: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    await two_versions(client)
    contract_id = await sign(client)
    answers = [await client.post(MIGRATIONS, json={}, headers=under("key-1")) for _ in range(2)]
    assert answers[0].status_code == 202
    assert answers[0].json() == answers[1].json()
    ordered = answers[0].json()
    assert (ordered["status"], ordered["total"], ordered["remaining"]) == ("waiting", 1, 1)
    assert (await got(client, "/v1/migrations", plan="pro"))["items"] == [ordered]
    assert (await got(client, "/v1/migrations", plan="none"))["items"] == []
    cancelled = [await done(client, f"/v1/migrations/{ordered['id']}/cancel") for _ in range(2)]
    assert (cancelled[0]["status"], cancelled[0]["cancelled"], cancelled[0]["remaining"]) == ("cancelled", 1, 0)
    assert cancelled[0] == cancelled[1]
    assert await outcomes(client, ordered) == [(contract_id, "cancelled")]
    assert rows(database, "SELECT action FROM audit_log WHERE object_id LIKE 'mig_%' ORDER BY sequence") == [
        ("migration.ordered",),
        ("migration.cancelled",),
    ]


async def test_a_migration_that_is_cancelled_midway_leaves_the_rest_as_it_is(
    live: httpx.AsyncClient, database: Database
) -> None:
    """One contract moves; the clock of the other stands as if on its way, so that it is still to come."""
    add_customer(database)
    await two_versions(live)
    moves = await sign(live, clock=await new_clock(live, "2012-12-01T00:00:00Z"))
    clock = await new_clock(live, "2012-12-01T00:00:00Z")
    stays = await sign(live, clock=clock)
    as_owner(database, f"UPDATE test_clock SET status = 'advancing', target_at = now_at WHERE id = '{clock}'")
    ordered = (await live.post(MIGRATIONS, json={})).json()
    path = f"/v1/migrations/{ordered['id']}"

    async def moved_one() -> bool:
        return bool((await got(live, path))["moved"])

    await until(moved_one)
    assert (await got(live, path))["status"] == "running"
    cancelled = await done(live, f"{path}/cancel")
    assert [cancelled[name] for name in ("moved", "cancelled", "remaining")] == [1, 1, 0]
    assert await outcomes(live, ordered) == [(moves, "moved"), (stays, "cancelled")]
    assert (await got(live, f"/v1/contracts/{stays}"))["terms"]["plan"]["version"] == 1


async def test_a_finished_migration_cannot_be_cancelled_and_an_unknown_one_not_be_read(
    live: httpx.AsyncClient, database: Database
) -> None:
    add_customer(database)
    await two_versions(live)
    await sign(live, clock=await new_clock(live, "2012-12-01T00:00:00Z"))
    made = await migrated(live)
    assert (await live.post(f"/v1/migrations/{made['id']}/cancel")).status_code == 409
    for method, path in (("GET", ""), ("GET", "/contracts"), ("POST", "/cancel")):
        assert (await live.request(method, f"/v1/migrations/mig_none{path}")).status_code == 404


async def test_a_key_without_the_scope_moves_nothing(client: httpx.AsyncClient, key_with: Any) -> None:
    answer = await client.post(MIGRATIONS, json={}, headers=bearer(key_with("catalogue:write", "contracts:read")))
    assert answer.status_code == 403
