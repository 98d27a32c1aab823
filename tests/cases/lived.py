"""Lives a story out in memory, step by step; what is refused must leave no trace."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter

from cases.contract import Contract
from cases.days import ONE_DAY
from cases.format import Scenario
from cases.memory import perform
from cases.mistakes import Unreadable
from cases.reading import parse_case
from domain.books import Books
from domain.commands import Cancel, Change, ChangeType
from domain.errors import DomainError
from domain.period import first_instant

_COMMAND: TypeAdapter[ChangeType] = TypeAdapter(Change)


def command(raw: dict[str, Any]) -> ChangeType:
    """The change that a step of no case file states."""
    return _COMMAND.validate_python(raw)


@dataclass
class Lived:
    """A contract after its story, what it refused on the way, and what was done."""

    contract: Contract
    done: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def readable(raw: dict[str, Any]) -> dict[str, Any] | None:
    """The story without the steps that cannot be read; None where its contract cannot."""
    steps = list(raw["steps"])
    while True:
        try:
            parse_case(raw | {"steps": [step for step in steps if "command" not in step]})
        except Unreadable as error:
            stated = [step for step in steps if "command" not in step]
            wrong = {m.path.removeprefix("steps[").partition("]")[0] for m in error.mistakes if m.path[:6] == "steps["}
            if not wrong or any(m.path[:6] != "steps[" for m in error.mistakes):
                return None
            bad = [stated[int(number)] for number in wrong]
            steps = [step for step in steps if not any(step is one for one in bad)]
        else:
            return raw | {"steps": steps}


def lived(raw: dict[str, Any], looks: Sequence[date] = ()) -> Lived:
    """The story up to its end, with revenue recognised on the days of `looks` as well, and then cancelled at once.

    What then waits for late usage is issued.
    """
    steps = raw["steps"]
    scenario = parse_case(raw | {"steps": [step for step in steps if "command" not in step]})
    assert isinstance(scenario, Scenario)
    zone, stated = scenario.timezone, iter(scenario.steps)
    told = Lived(Contract.signed(scenario.contract))
    agenda: list[tuple[datetime, int, Any]] = [(first_instant(day, zone), 0, None) for day in looks]
    for step in steps:
        at = step["at"] if isinstance(step["at"], datetime) else first_instant(step["at"], zone)
        agenda.append((at, 1, command(step["command"]) if "command" in step else next(stated)))
    for at, _, action in sorted(agenda, key=lambda entry: entry[:2]):
        _advance(told, at)
        _take(told, scenario, action, at)
    over_at = first_instant(scenario.end + ONE_DAY, zone)
    _advance(told, over_at)
    told.contract.recognise(over_at)
    if not told.contract.state.over:
        told.contract.apply(Cancel(when="now"), over_at)
    if told.contract.state.waiting:
        told.contract.advance(told.contract.state.waiting[-1].issues_at, including=True)
    return told


def _advance(told: Lived, at: datetime) -> None:
    books = told.contract.books
    posted = len(books.entries)
    told.contract.advance(at)
    assert all(books.closed_until is None or e.posting_on >= books.closed_until for e in books.entries[posted:])
    _assert_hold(books)


def _take(told: Lived, scenario: Scenario, action: Any, at: datetime) -> None:
    contract = told.contract
    if action is None:
        contract.recognise(at)
        return
    name = action.kind if isinstance(action, ChangeType) else action.action
    before, posted, closed = contract.state, len(contract.books.entries), contract.books.closed_until
    documents = list(contract.books.documents)
    try:
        if isinstance(action, ChangeType):
            contract.apply(action, at)
        else:
            perform(contract, scenario, action, at)
    except DomainError as refusal:
        told.refused.append(f"{at:%Y-%m-%d} {name}: {refusal.message}")
        # Revenue may have been recognised up to the step that was refused; nothing else has changed.
        assert replace(contract.state, recognized_through=before.recognized_through) == before
        assert list(contract.books.documents) == documents
    else:
        told.done.append(f"{at:%Y-%m-%d} {name}")
    assert all(closed is None or e.posting_on >= closed for e in contract.books.entries[posted:])
    _assert_hold(contract.books)


def _assert_hold(books: Books) -> None:
    """What is owed, held in credit and held back stands on its account, and debits are credits in every currency."""
    sums: Counter[str] = Counter()
    by_currency: Counter[str] = Counter()
    for entry in books.entries:
        for posting in entry.postings:
            sums[posting.account] += posting.amount_minor
            by_currency[entry.currency] += posting.amount_minor
    documents = books.documents.values()
    assert not any(by_currency.values())
    assert sums["receivable"] == sum(document.open_minor for document in documents)
    assert -sums["customer_credit"] == sum(credit.remaining_minor for credit in books.credits.values())
    assert sums["disputed"] == sum(document.disputed_minor for document in documents)
    assert sums["bad_debt"] == sum(document.bad_debt_minor for document in documents)
