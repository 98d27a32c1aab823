"""Usage that comes, changes and is billed all at once ends as if one had done it after the other."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from threading import Barrier

import pytest
from sqlmodel import Session

from models.database import Database
from models.rated_line import Claim, claim, claim_late, claimed_events, rated_lines
from models.usage import UsageEvent, ingest
from models.usage_so_far import Stretch, so_far
from models.usage_totals import Measure, aggregate
from models.usage_voiding import EventKey, void
from models.usage_waiting import match_waiting, unmatched
from tests.models.usage_samples import FEBRUARY, JANUARY, MARCH, departure, sign

SENDERS = 4
EVENTS = 60
STEPS = 16
ROUNDS = 4
MICROSECOND = timedelta(microseconds=1)
INSTANTS = (JANUARY, FEBRUARY - MICROSECOND, FEBRUARY, FEBRUARY + MICROSECOND, MARCH - MICROSECOND)
STRETCHES = ((JANUARY, FEBRUARY), (FEBRUARY, MARCH))
# UA is there from the beginning, B6 comes in the middle of it, nobody ever signs with XX.
CUSTOMERS = ("UA", "B6", "XX")
SIGNED = {"UA": "con_UA_1", "B6": "con_B6_1"}
LINES = {
    "departures": Measure("departure", "count"),
    "seats": Measure("departure", "sum", "seats", ("origin",)),
    "largest": Measure("departure", "max", "seats"),
}

# What is true of the events of one sender: None of what was voided.
Truth = dict[str, UsageEvent | None]


@pytest.mark.parametrize("seed", range(2))
def test_every_version_is_counted_once_and_taken_back_once_whatever_happens_at_once(
    database: Database, seed: int
) -> None:
    truth = _live(database, seed)
    with database.transaction() as session:
        line_of = {rated.id: rated.line_id for id_ in SIGNED.values() for rated in rated_lines(session, id_)}
        versions = claimed_events(session)
        waiting = {event.event_id for event in unmatched(session, limit=SENDERS * EVENTS)}
    present = [version for version in versions if not version.is_voided]
    assert sorted(version.event_id for version in present) == sorted(event.event_id for event in truth)
    for version in present:
        lines = sorted(line_of[rated] for rated in version.rated_line_ids)
        assert lines == ([] if version.contract_id is None else sorted(LINES)), version
        assert version.taken_back_by == ()
    for version in (version for version in versions if version.is_voided):
        counted = Counter(line_of[rated] for rated in version.rated_line_ids)
        assert counted == Counter(line_of[rated] for rated in version.taken_back_by), version
        assert set(counted.values()) <= {1}, version
    assert waiting == {event.event_id for event in truth if event.customer_key == "XX"}
    assert any(version.taken_back_by for version in versions), "no version was voided after it was counted"


@pytest.mark.parametrize("seed", range(2, 4))
def test_generations_and_running_totals_come_to_what_is_true_at_the_end(database: Database, seed: int) -> None:
    truth = _live(database, seed)
    with database.transaction() as session:
        for key, contract_id in SIGNED.items():
            for stretch in STRETCHES:
                mine = [e for e in truth if e.customer_key == key and stretch[0] <= e.at < stretch[1]]
                _check_generations(session, contract_id, stretch, mine)
                _check_totals(session, contract_id, stretch, mine)


def _check_generations(
    session: Session, contract_id: str, stretch: tuple[datetime, datetime], mine: list[UsageEvent]
) -> None:
    for line_id in LINES:
        made = [r for r in rated_lines(session, contract_id) if (r.line_id, r.from_at) == (line_id, stretch[0])]
        assert [rated.generation for rated in made] == list(range(len(made)))
        assert [rated.after_seq for rated in made] == [0, *(rated.up_to_seq for rated in made[:-1])]
        assert sum(rated.event_count - rated.voided_count for rated in made) == len(mine)


def _check_totals(
    session: Session, contract_id: str, stretch: tuple[datetime, datetime], mine: list[UsageEvent]
) -> None:
    seats = [Decimal(str(event.properties["seats"])) for event in mine]
    expected = {"departures": len(seats), "seats": sum(seats), "largest": max(seats, default=0)}
    for line_id, measure in LINES.items():
        told = so_far(session, contract_id, measure, Stretch(*stretch))
        assert told == aggregate(session, contract_id, measure, from_at=stretch[0], to_at=stretch[1])
        assert (told.total, told.event_count) == (expected[line_id], len(mine))


def _live(database: Database, seed: int) -> list[UsageEvent]:
    """What is true after all have done what they do at once, and all that came late was claimed."""
    database.run(lambda session: sign(session, "UA"))
    senders = [Sender(database, f"{seed}-{number}", Random(100 * seed + number)) for number in range(SENDERS)]
    works = [*(sender.send for sender in senders), _biller(database, "UA"), _biller(database, "B6")]
    works.append(lambda: _ask(database, SIGNED["UA"]))
    barrier = Barrier(len(works))

    def begin(work: Callable[[], None]) -> None:
        barrier.wait()
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(begin, works))
    for contract_id in SIGNED.values():
        database.run(partial(claim_late, contract_id=contract_id))
    return [event for sender in senders for event in sender.truth.values() if event is not None]


class Sender:
    """Sends its own events in batches, some twice, and corrects what it has sent."""

    def __init__(self, database: Database, name: str, random: Random) -> None:
        self.truth: Truth = {}
        self._database, self._name, self._random = database, name, random
        self._unsent = [f"{name}-{number}" for number in range(EVENTS)]

    def send(self) -> None:
        for _ in range(STEPS):
            self._random.choice((self._take, self._take, self._replace, self._void))()
        while self._unsent:
            self._take()

    def _take(self) -> None:
        """New events beside some that are there already, which stay as they are."""
        new = [self._version(self._unsent.pop()) for _ in range(min(8, len(self._unsent)))]
        again = [event for event in self._some() if event is not None]
        batch = [*new, *again, *new[:2]]
        self._random.shuffle(batch)
        self._database.run(lambda session: ingest(session, batch))
        self.truth |= {event.event_id: event for event in new}

    def _replace(self) -> None:
        batch = [self._version(event_id) for event_id in self._some_ids()]
        self._database.run(lambda session: ingest(session, batch, replace=True))
        self.truth |= {event.event_id: event for event in batch}

    def _void(self) -> None:
        ids = self._some_ids()
        self._database.run(lambda session: void(session, [EventKey("airport", event_id) for event_id in ids]))
        self.truth |= dict.fromkeys(ids)

    def _version(self, event_id: str) -> UsageEvent:
        properties: dict[str, object] = {
            "origin": self._random.choice(["EWR", "JFK"]),
            "seats": self._random.randrange(300),
        }
        at = self._random.choice(INSTANTS)
        return departure(event_id, at, self._random.choice(CUSTOMERS), properties=properties)

    def _some_ids(self) -> list[str]:
        return self._random.sample(sorted(self.truth), min(4, len(self.truth)))

    def _some(self) -> Iterator[UsageEvent | None]:
        return (self.truth[event_id] for event_id in self._some_ids())


def _biller(database: Database, key: str) -> Callable[[], None]:
    """Claims both stretches of the customer's contract, and again what came late; B6 signs first."""
    contract_id = SIGNED[key]

    def bill() -> None:
        if key == "B6":
            database.run(lambda session: match_waiting(session, sign(session, key)))
        for line_id in LINES:
            for stretch in STRETCHES:
                database.run(partial(claim, wanted=_claim(contract_id, line_id, stretch)))
        for _ in range(ROUNDS):
            database.run(lambda session: match_waiting(session, contract_id))
            database.run(lambda session: claim_late(session, contract_id))
            _ask(database, contract_id)

    return bill


def _ask(database: Database, contract_id: str) -> None:
    """Look at the running totals, which are kept from the first time on."""
    for measure in LINES.values():
        asked = Stretch(JANUARY, MARCH)
        database.run(partial(so_far, contract_id=contract_id, measure=measure, stretch=asked, keep=True))


def _claim(contract_id: str, line_id: str, stretch: tuple[datetime, datetime]) -> Claim:
    return Claim(
        contract_id=contract_id,
        line_id=line_id,
        measure=LINES[line_id],
        period_start=date(stretch[0].year, stretch[0].month, 1),
        period_end=date(stretch[1].year, stretch[1].month, 1),
        from_at=stretch[0],
        to_at=stretch[1],
    )
