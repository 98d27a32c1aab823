"""Usage that came after the last invoice of its contract, through HTTP."""

from datetime import date

import httpx

from models.database import Database
from tests.activities.story import Story, terms
from tests.activities.test_metered import METERS, depart, seats

URL = "/v1/usage/unbilled"


async def test_usage_after_the_last_invoice_is_listed_page_by_page(
    client: httpx.AsyncClient, database: Database
) -> None:
    story = Story(database, terms(seats(), meters=METERS, term={"months": 1}))
    depart(story, "e1", date(2013, 1, 3), seats=10)
    story.until(date(2013, 2, 1))
    for number in (1, 2, 3):
        depart(story, f"late {number}", date(2013, 1, 4), seats=10)
    first = (await client.get(URL, params={"limit": 2})).json()
    second = (await client.get(URL, params={"limit": 2, "cursor": first["next_cursor"], "contract": "con_1"})).json()
    assert [event["id"] for event in first["items"] + second["items"]] == ["late 1", "late 2", "late 3"]
    assert second["next_cursor"] is None
    [last] = second["items"]
    assert {name: last[name] for name in ("source", "event", "at", "contract")} == {
        "source": "test",
        "event": "departure",
        "at": "2013-01-04T12:00:00Z",
        "contract": "con_1",
    }
    assert (await client.get(URL, params={"contract": "con_2"})).json() == {"items": [], "next_cursor": None}
