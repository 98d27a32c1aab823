"""The order of the year, played before an API and a bank that only write down what they are asked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import pytest

from demo import story
from demo.agreed import GATES
from demo.outage import Outage
from demo.stage import Stage
from demo.story import Story, StoryFailed


@dataclass
class Record:
    """What was done, in order."""

    done: list[str] = field(default_factory=list)


class Api:
    """Answers like the product, for whatever is asked."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def another(self) -> "Api":
        return self

    def close(self) -> None:
        return None

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        kind = path.rpartition("/")[2]
        match kind:
            case "advance":
                self.record.done.append(body["to"][:10])
                return {"status": "ready", "now": body["to"]}
            case "amendments":
                self.record.done.append(f"amend to {body['change']['quantity']}")
            case "cancel":
                self.record.done.append(f"cancel at {body['when']}")
            case "contracts":
                self.record.done.append("sign")
        return {"id": body.get("key", kind), "outcome": "applied", "happened": "", "document": {"number": "INV-1"}}

    def get(self, path: str) -> dict[str, Any]:
        attempts = [{"at": "2013-03-06T05:00:00Z", "status": "succeeded"}]
        return {"number": "INV-2", "payment": {"attempts": attempts}}

    def items(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        yield {"id": "inv_1", "customer_id": "UA", "status": "paid"}


class Bank:
    def __init__(self, record: Record) -> None:
        self.record = record

    def decline(self, customer_id: str, code: str) -> None:
        self.record.done.append(f"{customer_id} declines: {code}")

    def accept(self, customer_id: str) -> None:
        self.record.done.append(f"{customer_id} pays")


class Ingestion:
    seconds = 0.0

    def __init__(self, record: Record) -> None:
        self.record = record

    def send(self, bodies: Iterable[bytes], progress: object) -> None:
        self.record.done.append("send")


@dataclass
class Fakes:
    api: Api
    bank: Bank
    ingestion: Ingestion
    settings: object = None


class Silent:
    def happened(self, on: date, what: str) -> None:
        return None

    def sent(self, events: int) -> None:
        return None

    def arrived(self, on: date) -> None:
        return None


def played(monkeypatch: pytest.MonkeyPatch, *, kills: list[Outage | None]) -> list[str]:
    record = Record()

    def kill(*_: object, **__: object) -> Outage | None:
        record.done.append("kill")
        return kills.pop(0) if kills else None

    monkeypatch.setattr(story, "kill_worker_amid", kill)
    stage = cast(Stage, Fakes(Api(record), Bank(record), Ingestion(record)))
    months = [date(2013, month, 1) for month in range(1, 13)]
    Story(stage, Silent()).play(dict.fromkeys(GATES, ""), {month: [] for month in [*months, date(2014, 1, 1)]})
    # The clock that is moved while the worker is killed runs in a thread of its own.
    return [done for done in record.done if done != "kill"]


def test_the_year_goes_from_signing_to_the_day_after_its_last_invoices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert played(monkeypatch, kills=[Outage(1, 2)]) == [
        *["sign"] * 16,
        "2013-01-01",
        *("send", "2013-02-01"),
        *("send", "2013-02-28", "UA declines: insufficient_funds", "2013-03-01"),
        *("send", "2013-03-05", "UA pays", "2013-03-07", "2013-04-01"),
        *("send", "2013-05-01"),
        *("send", "2013-06-01"),
        *("send", "2013-06-16", "amend to 28", "2013-07-01"),
        *("send", "2013-08-01"),
        *("send", "2013-09-01"),
        *("send", "2013-09-16", "cancel at period_end", "2013-10-01"),
        *("send", "2013-11-01"),
        *("send", "2013-12-01"),
        *("send", "2014-01-01"),
        *("send", "2014-01-02"),
    ]


def test_a_month_too_quick_for_the_kill_leaves_it_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    kills: list[Outage | None] = [None, Outage(1, 2), Outage(1, 3)]
    played(monkeypatch, kills=kills)
    assert kills == [Outage(1, 3)]


def test_a_year_without_the_kill_is_not_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoryFailed, match="kill the worker"):
        played(monkeypatch, kills=[])
