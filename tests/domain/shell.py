"""Runs a contract in memory: what the workflow and its steps do, without server, database and gateway."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.commands import Cancel, ChangeLine, Command, Wake
from domain.contract import decide, sign
from domain.due import next_due
from domain.errors import RefusedChange
from domain.invoice import Draft, draft
from domain.money import to_major
from domain.period import first_instant
from domain.rating import Group, Usage, group_by
from domain.state import Bill, ContractState, Decision, Item
from domain.terms import Terms

UsageOf = Callable[[Item], Usage]
When = str | datetime
Steps = Sequence[tuple[When, Command]]


def terms(*lines: dict[str, Any], start: str, **stated: Any) -> Terms:
    """Terms as an API caller states them; monthly in advance in USD where `lines` do not say otherwise."""
    given = [{"every": "month", "bill": "advance", **line} for line in lines]
    return Terms.model_validate({"currency": "USD", "start": start, "lines": given, **stated})


def flat(amount: str, **more: Any) -> dict[str, Any]:
    return {"model": "flat", "amount": amount, **more}


def per_unit(amount: str, **more: Any) -> dict[str, Any]:
    return {"model": "per_unit", "amount": amount, **more}


def change(line: str, **to: Any) -> ChangeLine:
    return ChangeLine.model_validate({"line": line, **to})


def cancel(when: str = "period_end", credit: str = "unused") -> Cancel:
    return Cancel.model_validate({"when": when, "credit": credit})


@dataclass(frozen=True)
class Event:
    at: str
    value: str = "1"
    properties: dict[str, str] = field(default_factory=dict)


def summed(*events: Event) -> UsageOf:
    """Usage from these events, as a meter that sums would give it."""

    def usage(item: Item) -> Usage:
        groups: Counter[tuple[tuple[str, str], ...]] = Counter()
        total = Decimal(0)
        for event in events:
            assert item.from_at is not None and item.to_at is not None
            if item.from_at <= datetime.fromisoformat(event.at) < item.to_at:
                names = group_by(item.price)
                key = tuple((name, event.properties[name]) for name in names if name in event.properties)
                groups[key] += Decimal(event.value)  # type: ignore[assignment]
                total += Decimal(event.value)
        return Usage(total, tuple(Group(dict(key), Decimal(quantity)) for key, quantity in groups.items()))

    return usage


def nothing_used(item: Item) -> Usage:
    return Usage(Decimal(0))


@dataclass(frozen=True)
class Document:
    bill: Bill
    draft: Draft
    currency: str

    def amount(self, minor: int) -> str:
        sign = -1 if self.draft.kind == "credit_note" else 1
        return f"{to_major(sign * minor, self.currency):f}"

    @property
    def lines(self) -> list[tuple[str, str, str, str]]:
        """Line, first day, day after the last, net amount; negative for what is given back."""
        return [
            (line.item.line, str(line.item.start), str(line.item.end), self.amount(line.net_minor))
            for line in self.draft.lines
        ]


@dataclass
class Story:
    """What became of a contract: its state, decisions and documents in order of time."""

    state: ContractState
    decisions: list[tuple[Command, datetime, Decision]] = field(default_factory=list, repr=False)
    documents: list[Document] = field(default_factory=list, repr=False)
    refused: list[str] = field(default_factory=list)
    billed_by_document: dict[int, Bill] = field(default_factory=dict, repr=False)

    @property
    def totals(self) -> list[tuple[str, str]]:
        """Date and total of each document, tax included; a credit note's is negative."""
        return [(str(doc.bill.on), doc.amount(doc.draft.total_minor)) for doc in self.documents]

    @property
    def items(self) -> list[Item]:
        return [item for bill in self.billed_by_document.values() for item in bill.items]

    def lines_of(self, on: str) -> list[tuple[str, str, str, str]]:
        [document] = [document for document in self.documents if str(document.bill.on) == on]
        return document.lines


def instant(when: When, zone: str) -> datetime:
    """The first instant of a date, or the instant itself."""
    if isinstance(when, datetime):
        return when
    if len(when) > 10:
        return datetime.fromisoformat(when).astimezone(UTC)
    return first_instant(date.fromisoformat(when), zone)


def run(agreed: Terms, until: str, steps: Steps = (), usage: UsageOf = nothing_used) -> Story:
    """The contract's story up to the end of the day `until`. A step comes before what is due at its instant."""
    story = Story(sign("con_1", "cus_1", agreed))
    for when, command in steps:
        at = instant(when, agreed.timezone)
        wake(story, at, usage)
        apply(story, command, at, usage)
    wake(story, first_instant(date.fromisoformat(until) + timedelta(days=1), agreed.timezone), usage)
    return story


def wake(story: Story, before: datetime, usage: UsageOf = nothing_used) -> None:
    """Do all that falls due before that instant."""
    while (due := next_due(story.state)) is not None and due.at < before:
        apply(story, Wake(), due.at, usage)


def apply(story: Story, command: Command, at: datetime, usage: UsageOf = nothing_used) -> None:
    try:
        decision = decide(story.state, command, at)
    except RefusedChange as refusal:
        story.refused.append(refusal.message)
        return
    story.state = decision.state
    story.decisions.append((command, at, decision))
    bill = decision.bill
    if bill is None:
        return
    story.billed_by_document[bill.document] = bill
    used = {n: usage(item) for n, item in enumerate(bill.items) if item.kind == "usage"}
    drafted = draft(bill, used, story.state.terms)
    if drafted is not None:
        story.documents.append(Document(bill, drafted, story.state.terms.currency))


def billed(items: Iterable[Item], line: str) -> list[Item]:
    return [item for item in items if item.line == line]
