"""Runs a contract with its books: every decision is accounted for, usage comes when it is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from domain import contract, issuing
from domain.balances import balances, revenue_by_line, revenue_by_month
from domain.books import Books, Document, RatedPeriod
from domain.commands import Command, Recognise, Wake
from domain.due import next_due
from domain.errors import RefusedChange
from domain.metering import Event, aggregate
from domain.money import to_major
from domain.period import first_instant, local_date
from domain.prices import reads_events
from domain.rating import Usage, group_by
from domain.state import Decision, Item
from domain.terms import Terms
from tests.domain.shell import Steps, instant

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Used:
    """So much usage at an instant; told at once, or later."""

    at: str
    value: str
    told: str | None = None
    event: str = "calls"

    @property
    def used_at(self) -> datetime:
        return datetime.fromisoformat(self.at).replace(tzinfo=UTC)

    @property
    def told_at(self) -> datetime:
        return datetime.fromisoformat(self.told).replace(tzinfo=UTC) if self.told else self.used_at


@dataclass
class Told:
    """The usage that is known by `now`; what was known when a period was billed is not late."""

    events: Sequence[Used]
    now: datetime = LONG_AGO
    counted_at: dict[str, datetime] = field(default_factory=dict)

    def usage(self, item: Item, until: datetime | None = None) -> Usage:
        assert item.aggregate and item.reads and item.from_at and item.to_at
        known = [
            Event(str(number), one.used_at, Decimal(one.value))
            for number, one in enumerate(self.events)
            if one.event == item.event and one.told_at <= self.now
        ]
        return aggregate(
            item.aggregate,
            known,
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
        counted_at = self.counted_at[period.id]
        late = [one for one in self.events if counted_at < one.told_at <= self.now]
        self.counted_at[period.id] = self.now
        return any(
            item.event == one.event and (item.carry or item.from_at <= one.used_at) and one.used_at < item.to_at
            for one in late
            for item in period.items
            if item.from_at and item.to_at
        )


@dataclass
class Account:
    """A contract's books, and what is on them in the words of its customer."""

    agreed: Terms
    books: Books
    told: Told
    decisions: int = 0

    def take(self, decision: Decision, at: datetime) -> None:
        """Account for a decision. Nothing of it is posted to a closed month."""
        self.decisions += 1
        self.told.now = at
        books, posted = self.books, len(self.books.entries)
        if decision.bill is None:
            issuing.record(books, decision, self.told, sequence=self.decisions, at=at)
        else:
            issuing.issue(books, decision, self.told, sequence=self.decisions, at=at)
            self.told.counted_at.update((id_, at) for id_ in books.periods if id_ not in self.told.counted_at)
        if books.closed_until is not None:
            assert all(entry.posting_on >= books.closed_until for entry in books.entries[posted:])

    def money(self, minor: int) -> str:
        return f"{to_major(minor, self.agreed.currency):f}"

    @property
    def documents(self) -> list[Document]:
        return list(self.books.documents.values())

    @property
    def totals(self) -> list[tuple[str, str]]:
        """Date and total of each document; a credit note's is negative."""
        return [(str(doc.issued_on), self.money(sign(doc) * doc.total_minor)) for doc in self.documents]

    def lines(self, position: int) -> list[tuple[str, str, str]]:
        """Line, kind and net of the lines of a document; negative for what is given back."""
        document = self.documents[position]
        return [(one.line_id, one.kind, self.money(sign(document) * one.net_minor)) for one in document.lines]

    @property
    def revenue(self) -> dict[str, str]:
        return {f"{month:%Y-%m}": self.money(minor) for month, minor in revenue_by_month(self.books.entries).items()}

    def revenue_of(self, line: str) -> dict[str, str]:
        months = revenue_by_line(self.books.entries).get(line, {})
        return {f"{month:%Y-%m}": self.money(minor) for month, minor in sorted(months.items()) if minor}

    def balances(self, day: str) -> dict[str, str]:
        """The balances at the end of a day that are not zero."""
        found = balances(self.books.entries, date.fromisoformat(day))
        return {name: self.money(minor) for name, minor in found.items() if minor}


def sign(document: Document) -> int:
    return -1 if document.kind == "credit_note" else 1


def account(
    agreed: Terms,
    until: str,
    steps: Steps = (),
    used: Sequence[Used] = (),
    closed_until: dict[str, str] | None = None,
    *,
    may_refuse: bool = False,
    before: Callable[["Account", datetime], None] = lambda account, at: None,
) -> Account:
    """The contract's books at the end of the day `until`, by when all revenue is recognised.

    `closed_until` says from which instant on months are closed, and up to which day. Steps that the contract refuses
    are left out where it `may_refuse` some. `before` is called before each decision, with its instant.
    """
    state = contract.sign("con_1", "cus_1", agreed)
    told = Told(used)
    found = Account(agreed, Books("con_1", "cus_1", agreed.currency, "main", agreed.timezone), told)
    end_at = first_instant(date.fromisoformat(until) + timedelta(days=1), agreed.timezone)
    closing = {instant(at, agreed.timezone): date.fromisoformat(day) for at, day in (closed_until or {}).items()}
    waiting: list[tuple[datetime, Command]] = [(instant(at, agreed.timezone), command) for at, command in steps]
    while True:
        due = next_due(state)
        wakes_at = due.at if due is not None and due.at < end_at else None
        if waiting and (wakes_at is None or waiting[0][0] <= wakes_at):
            at, command = waiting.pop(0)
        elif wakes_at is not None:
            at, command = wakes_at, Wake()
        else:
            break
        found.books.closed_until = max((day for closed_at, day in closing.items() if closed_at <= at), default=None)
        before(found, at)
        try:
            decision = contract.decide(state, command, at)
        except RefusedChange:
            if may_refuse:
                continue
            raise
        state = decision.state
        found.take(decision, at)
    found.books.closed_until = max(closing.values(), default=None)
    before(found, end_at)
    if not state.over:
        found.take(contract.decide(state, Recognise(through=local_date(end_at, agreed.timezone)), end_at), end_at)
    check(found.books)
    return found


def check(books: Books) -> None:
    """Every entry balances and has a key of its own."""
    for entry in books.entries:
        assert sum(posting.amount_minor for posting in entry.postings) == 0, entry
        assert entry.postings and all(posting.amount_minor for posting in entry.postings), entry
    keys = [entry.idempotency_key for entry in books.entries]
    assert len(keys) == len(set(keys)), keys
