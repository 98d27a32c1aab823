"""Usage of one contract in memory: what was sent, what was billed of it, and what came after that."""

from collections.abc import Iterable
from datetime import datetime

from domain.books import Books, RatedPeriod
from domain.metering import Event, aggregate
from domain.prices import reads_events
from domain.rating import Usage, group_by
from domain.state import Bill, Item


class Events:
    """The events by their name, in the order of their arrival; the same id again changes nothing."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Event]] = {}
        self._ids: set[str] = set()
        self._counted: dict[tuple[str, str], int] = {}

    def add(self, name: str, events: Iterable[Event]) -> None:
        """Take up what is new of `events`."""
        for event in events:
            if event.id not in self._ids:
                self._ids.add(event.id)
                self._by_name.setdefault(name, []).append(event)

    def usage(self, item: Item, until: datetime | None = None) -> Usage:
        """The usage of the item's stretch; only that of events before `until`, where given."""
        assert item.event and item.aggregate and item.reads and item.from_at and item.to_at
        return aggregate(
            item.aggregate,
            self._by_name.get(item.event, ()),
            reads=item.reads,
            filters=item.filters,
            expression=item.expression,
            carry=item.carry,
            from_at=item.from_at,
            to_at=item.to_at,
            period_from_at=item.period_from_at,
            period_to_at=item.period_end_at,
            until=until,
            group_by=group_by(item.price),
            each_event=reads_events(item.price),
        )

    def changed(self, period: RatedPeriod) -> bool:
        """Whether an event of the period came after it was billed."""
        return any(
            (item.carry or item.from_at <= event.at) and event.at < item.to_at
            for item in period.items
            if item.event and item.from_at and item.to_at
            for event in self._by_name.get(item.event, ())[self._counted.get((period.id, item.event), 0) :]
        )

    def billed(self, books: Books, bill: Bill) -> None:
        """Note that what is known by now of what a bill took up is billed: a regular one takes up what came late."""
        taken = {(item.line, item.period_start) for item in bill.items if item.kind == "usage"}
        for period in books.periods.values():
            if bill.regular or (period.line_id, period.starts_on) in taken:
                for item in period.items:
                    assert item.event is not None
                    self._counted[period.id, item.event] = len(self._by_name.get(item.event, ()))
