from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from domain.books import BookedLine
from domain.prices import Matrix, Percentage
from domain.rating import Group, Usage
from domain.state import Item
from models.books import LoadedBooks
from models.database import Database
from models.rated_line import Claim, RatedLine, claim, claim_late
from models.usage import ingest
from models.usage_source import DatabaseUsage, claims_on, measure_of, unclaimed
from tests.models.books_samples import (
    FEBRUARY,
    JANUARY,
    MARCH,
    add_invoice,
    found,
    kept,
    rated_period,
    signed,
    statements,
    usage_item,
)
from tests.models.usage_samples import seats

CONTRACT = "con_UA_1"
NOON = datetime(2013, 1, 16, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def usage(database: Database) -> None:
    """198 seats in January, 55 in February."""
    signed(database)
    arrive(database, ("1", 178, NOON), ("2", 20, NOON + timedelta(days=5)), ("3", 55, NOON + timedelta(days=31)))


def arrive(database: Database, *events: tuple[str, int, datetime]) -> None:
    database.run(lambda session: ingest(session, [seats(id_, count, at=at) for id_, count, at in events]))


def claimed(database: Database, *items: Item) -> None:
    with database.transaction() as session:
        for item in items:
            assert item.from_at is not None and item.to_at is not None
            wanted = Claim(
                contract_id=CONTRACT,
                line_id=item.line,
                measure=measure_of(item),
                period_start=item.start,
                period_end=item.end,
                from_at=item.from_at,
                to_at=item.to_at,
            )
            claim(session, wanted)


def source(session: Session, items: Iterable[Item]) -> DatabaseUsage:
    return DatabaseUsage(session, CONTRACT, claims_on(session, CONTRACT, items))


def counted(database: Database, item: Item, until: datetime | None = None, *, by: Iterable[Item] = ()) -> Usage:
    with database.transaction() as session:
        return source(session, by).usage(item, until)


def test_usage_that_was_not_claimed_counts_as_it_has_come(database: Database) -> None:
    assert counted(database, usage_item()) == Usage(Decimal(198))
    arrive(database, ("4", 2, NOON))
    assert counted(database, usage_item()) == Usage(Decimal(200))
    assert counted(database, usage_item(), NOON + timedelta(days=1)) == Usage(Decimal(180))


def test_usage_that_was_claimed_counts_as_it_was_claimed(database: Database) -> None:
    january = usage_item()
    claimed(database, january)
    arrive(database, ("4", 2, NOON))
    assert counted(database, january, by=[january]) == Usage(Decimal(198))
    assert counted(database, january, NOON + timedelta(days=1), by=[january]) == Usage(Decimal(178))
    # Another price since the 10th parts the stretch; the claim still says how far to count.
    later = usage_item(JANUARY + timedelta(days=9))
    assert counted(database, later, by=[later]) == Usage(Decimal(198))


def test_a_price_gets_what_it_looks_at(database: Database) -> None:
    cells = [{"when": {"origin": "EWR"}, "unit": "1"}]
    by_origin = usage_item(price=Matrix(model="matrix", cells=cells, otherwise="2"))  # type: ignore[arg-type]
    share = usage_item(price=Percentage(model="percentage", rate="1"))  # type: ignore[arg-type]
    claimed(database, by_origin)
    group = Group({"origin": "EWR"}, Decimal(198))
    assert counted(database, by_origin, by=[by_origin]) == Usage(Decimal(198), (group,))
    assert counted(database, share, by=[share]) == Usage(Decimal(198), (), (Decimal(178), Decimal(20)))


def test_a_weighted_sum_weighs_by_the_whole_period(database: Database) -> None:
    """178 for the last 15.5 of 31 days: 89."""
    half = usage_item(ends_on=JANUARY + timedelta(days=20), aggregate="weighted_sum", period_end_at=usage_item().to_at)
    assert counted(database, half) == Usage(Decimal(89))


def test_a_stretch_is_read_once(database: Database) -> None:
    with database.transaction() as session:
        usage = source(session, ())
        first = usage.usage(usage_item())
        with statements(database) as sent:
            assert usage.usage(usage_item()) == first
    assert sent == []


def test_what_was_not_claimed_to_its_end_is_told(database: Database) -> None:
    january, half, february = usage_item(), usage_item(ends_on=JANUARY + timedelta(days=9)), usage_item(FEBRUARY, MARCH)
    claimed(database, half)
    with database.transaction() as session:
        claims = claims_on(session, CONTRACT, [january, february])
    assert unclaimed(claims, [january, half, february]) == [january, february]


def billed(database: Database, *items: Item) -> LoadedBooks:
    """The books after the items were claimed and are a period that was billed."""
    claimed(database, *items)
    books = found(database, since=items[0].start)
    period = books.periods.get("rp_01") or rated_period(*items)
    books.periods[period.id] = period
    with database.transaction() as session:
        kept(database, books, source(session, items))
    return found(database)


def late(database: Database) -> list[str]:
    """Which periods are rated again once what came late is claimed."""
    with database.transaction() as session:
        claim_late(session, CONTRACT)
    books = found(database)
    with database.transaction() as session:
        usage = source(session, [item for period in books.periods.values() for item in period.items])
        again = [id_ for id_, period in books.periods.items() if usage.changed(period)]
        kept(database, books, usage)
    return again


def test_a_period_is_rated_again_once_for_what_came_late(database: Database) -> None:
    january = usage_item()
    assert billed(database, january).periods == {}
    assert late(database) == []
    arrive(database, ("4", 2, NOON), ("5", 9, NOON + timedelta(days=31)))
    assert late(database) == ["rp_01"]
    assert late(database) == []
    assert counted(database, january, by=[january]) == Usage(Decimal(200))


def test_a_period_of_two_stretches_is_late_where_either_is(database: Database) -> None:
    cut = JANUARY + timedelta(days=9)
    first, second = usage_item(ends_on=cut), usage_item(cut)
    billed(database, first, second)
    arrive(database, ("4", 2, datetime(2013, 1, 2, tzinfo=UTC)))
    assert late(database) == ["rp_01"]
    arrive(database, ("5", 3, NOON))
    assert late(database) == ["rp_01"]
    assert late(database) == []


def test_claiming_late_usage_counts_its_events(database: Database) -> None:
    claimed(database, usage_item())
    arrive(database, ("4", 2, NOON), ("5", 3, NOON), ("6", 1, NOON + timedelta(days=31)))
    with database.transaction() as session:
        assert claim_late(session, CONTRACT) == 2
        assert claim_late(session, CONTRACT) == 0


def test_an_invoice_line_takes_over_the_claims_that_it_bills(database: Database) -> None:
    cut = JANUARY + timedelta(days=9)
    first, second = usage_item(ends_on=cut), usage_item(cut)
    claimed(database, first, second)
    invoice(database, 1, ("usage", first), ("usage", second))
    assert [owner for *_, owner in owners(database)] == ["il_1_0", "il_1_1"]
    arrive(database, ("4", 2, datetime(2013, 1, 2, tzinfo=UTC)), ("5", 3, NOON))
    with database.transaction() as session:
        claim_late(session, CONTRACT)
    invoice(database, 2, ("adjustment", usage_item()))
    assert owners(database) == [
        (JANUARY, 0, "il_1_0"),
        (JANUARY, 1, "il_2_0"),
        (cut, 0, "il_1_1"),
        (cut, 1, "il_2_0"),
    ]


def invoice(database: Database, number: int, *billed: tuple[str, Item]) -> None:
    books = found(database)
    lines = [
        BookedLine(f"il_{number}_{n}", "seats", kind, item.start, item.end, 5_000, 0, "as_used", item=item)
        for n, (kind, item) in enumerate(billed)
    ]
    add_invoice(books, number, lines=lines)
    books.schedules.clear()
    with database.transaction() as session:
        kept(database, books, source(session, [item for _, item in billed]))


def owners(database: Database) -> list[tuple[object, int, str | None]]:
    with database.transaction() as session:
        order = select(RatedLine).order_by(text("from_at, generation"))
        return [(row.period_start, row.generation, row.invoice_line_id) for row in session.exec(order)]
