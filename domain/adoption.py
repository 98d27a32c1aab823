"""Contracts that run already and were billed elsewhere so far: their state and opening balances as of one day."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from pydantic import Field

from domain import grid
from domain.books import Books, CustomerCredit, Schedule
from domain.contract import sign
from domain.due import service_end, term_end
from domain.errors import DomainError
from domain.journal import Entry, Posting
from domain.keys import derived
from domain.line import BY_MONTH, Frozen, Line, Recognition, Slug
from domain.money import TooManyDecimals, exact_minor
from domain.offers import Day
from domain.period import first_instant
from domain.planning import planned_lines
from domain.prices import ZERO, NonNegative
from domain.state import ContractState, LineState
from domain.terms import CHARGE_MINOR_MAX, Terms

# Where the other side of opening balances stands: what is deferred and what is owed was paid before the adoption.
OPENING_ACCOUNT: Final = "cash"
SPREAD: Final[frozenset[Recognition]] = BY_MONTH | {"daily"}


class LineOpening(Frozen):
    """How far a line was billed elsewhere, and what of that is not earned yet."""

    billed_through: Day = Field(description="The first day that is not billed yet.")
    deferred: NonNegative = Field(default=ZERO, description="Deferred revenue, in the currency's major unit.")


class Opening(Frozen):
    """What a contract brings along, by line."""

    lines: dict[Slug, LineOpening]
    customer_credit: NonNegative = Field(default=ZERO, description="What the customer is owed, in the major unit.")


def adopt(
    terms: Terms, opening: Opening, *, contract_id: str, customer_id: str, on: date, spread_seconds: int = 0
) -> tuple[ContractState, Books]:
    """The contract as it stands on the day `on`, and the books that hold its opening balances.

    It is as if it had been signed at its start and billed elsewhere up to each line's `billed_through`: what falls due
    from then on is billed here. Deferred revenue is earned over [on, billed_through).

    Raises:
        DomainError: the first of `faults`.
    """
    for fault in faults(terms, opening, on=on):
        raise fault
    state = _begun(sign(contract_id, customer_id, terms, spread_seconds=spread_seconds), on)
    lines = tuple(
        _placed(state, line, progress, opening.lines[line.id].billed_through, on)
        for line, progress in zip(terms.lines, state.lines, strict=True)
    )
    return replace(state, lines=lines), _books(state, opening, on)


def faults(terms: Terms, opening: Opening, *, on: date) -> Iterator[DomainError]:
    """Everything that keeps the contract from being adopted on the day `on`.

    Fields are pointers into `{"terms": ..., "lines": ..., "customer_credit": ..., "on": ...}`.
    """
    yield from _unsupported(terms, on)
    state = sign("", "", terms)
    end = service_end(state)
    if on < terms.origin:
        yield DomainError(f"billing starts on {terms.origin}, after the adoption on {on}; sign it", "/terms/start")
    if end is not None and end <= on:
        yield DomainError(f"its term ended on {end}; there is nothing to adopt on {on}", "/terms/term")
    if (fault := _amount_fault(opening.customer_credit, terms.currency, "/customer_credit")) is not None:
        yield fault
    known = {line.id for line in terms.lines}
    for name in sorted(opening.lines.keys() - known):
        yield DomainError(f"the contract has no line {name!r}; it has {', '.join(sorted(known))}", f"/lines/{name}")
    runs = terms.origin <= on and (end is None or on < end)
    for line, progress in zip(terms.lines, state.lines, strict=True):
        yield from _line_faults(_begun(state, on) if runs else None, terms, line, progress, opening, on)


def _unsupported(terms: Terms, on: date) -> Iterator[DomainError]:
    if terms.commitments:
        yield DomainError("what counted towards a commitment elsewhere is not known here", "/terms/commitments")
    if terms.credits:
        yield DomainError("what is left of prepaid credits elsewhere is not known here", "/terms/credits")
    for phase in terms.phases:
        if phase.from_ <= on:
            message = (
                f"the phase from {phase.from_} is in force on {on}; state its prices in the lines, and leave it out"
            )
            yield DomainError(message, "/terms/phases")
    planned = planned_lines(terms)
    for index, line in enumerate(terms.lines):
        if line in planned:
            field = "recognize" if line.recognize == "with_contract" else "ssp"
            message = f"revenue of {line.id} follows the whole term, of which a part was billed elsewhere"
            yield DomainError(message, f"/terms/lines/{index}/{field}")


def _line_faults(
    state: ContractState | None, terms: Terms, line: Line, progress: LineState, opening: Opening, on: date
) -> Iterator[DomainError]:
    """What is wrong with a line's opening; without a `state` its periods are not looked at."""
    found = opening.lines.get(line.id)
    if found is None:
        yield DomainError(f"how far {line.id} was billed is missing", f"/lines/{line.id}")
        return
    if state is not None:
        try:
            _placed(state, line, progress, found.billed_through, on)
        except DomainError as misplaced:
            yield misplaced
    field = f"/lines/{line.id}/deferred"
    if (fault := _amount_fault(found.deferred, terms.currency, field)) is not None:
        yield fault
    if not found.deferred:
        return
    if line.bill == "arrears":
        yield DomainError(f"{line.id} is billed in arrears: nothing of it is deferred", field)
    elif line.pattern not in SPREAD:
        yield DomainError(f"{line.id} is recognised {line.pattern}: what is deferred does not follow its days", field)
    elif found.billed_through <= on:
        message = f"{line.id} is billed up to {found.billed_through}: by {on} all of it is earned"
        yield DomainError(message, field)


def _amount_fault(amount: Decimal, currency: str, field: str) -> DomainError | None:
    try:
        minor = exact_minor(amount, currency)
    except TooManyDecimals as error:
        return DomainError(str(error), field)
    if minor > CHARGE_MINOR_MAX:
        return DomainError(f"{amount:,f} {currency} is more than one line can bill", field)
    return None


def _begun(state: ContractState, on: date) -> ContractState:
    """The state of a contract that runs on the day `on`, in the term that holds it."""
    terms, number = state.terms, 1
    while (end := term_end(terms, state.origin, number)) is not None and end <= on:
        number += 1
    return replace(
        state,
        status="active",
        recognized_through=on,
        decided_at=first_instant(on, terms.timezone),
        term_number=number,
        term_ends_on=end,
    )


def _placed(state: ContractState, line: Line, progress: LineState, through: date, on: date) -> LineState:
    """How far the line is billed, on the grid of its periods.

    Raises:
        DomainError: if no period begins there, or it was due before the adoption.
    """
    field = f"/lines/{line.id}/billed_through"
    origin, end = state.origin, service_end(state)
    if through < origin:
        raise DomainError(f"billing of {line.id} starts on {origin}: {through} is before it", field)
    if line.every == "once":
        return _placed_once(line, progress, through, on, origin, field)
    if end is not None and through > end:
        raise DomainError(f"the contract ends on {end}: nothing is billed beyond it", field)
    index = grid.running_index(state, line, progress, through)
    before, after = (grid.period_start(state, line, progress, index + step) for step in (0, 1))
    after = after if end is None else min(after, end)
    if through not in (before, end):
        raise DomainError(f"no period of {line.id} starts on {through}; the nearest are {before} and {after}", field)
    running = grid.running_index(state, line, progress, on)
    begun, next_one = (grid.period_start(state, line, progress, running + step) for step in (0, 1))
    next_one = next_one if end is None else min(next_one, end)
    if line.bill == "advance" and through < on:
        first = begun if begun == on else next_one
        raise DomainError(f"{line.id} was due on {through}, before the adoption; bill it up to {first} first", field)
    if line.bill == "arrears" and not (through <= on <= after):
        raise DomainError(f"on {on} the period of {line.id} from {begun} to {next_one} runs; give {begun}", field)
    since = min(through, begun)
    since_at = first_instant(since, state.terms.timezone)
    return replace(progress, index=index, billed_through=through, since=since, since_at=since_at)


def _placed_once(line: Line, progress: LineState, through: date, on: date, origin: date, field: str) -> LineState:
    """A line that is billed once: any day after the start says that it was."""
    if line.bill == "arrears":
        if through != origin:
            raise DomainError(f"{line.id} is billed once, when the contract ends; give {origin}", field)
        return progress
    if through == origin:
        if on > origin:
            raise DomainError(f"{line.id} was due on {origin}, before the adoption; give a day after it", field)
        return progress
    return replace(progress, index=1)


def _books(state: ContractState, opening: Opening, on: date) -> Books:
    terms = state.terms
    books = Books(state.contract_id, state.customer_id, terms.currency, terms.legal_entity, terms.timezone)
    postings = []
    for line in terms.lines:
        deferred_minor = exact_minor(opening.lines[line.id].deferred, terms.currency)
        if deferred_minor:
            postings.append(Posting("contract_position", -deferred_minor, line.id))
            through = opening.lines[line.id].billed_through
            books.keep(_schedule(state.contract_id, line, on, through, deferred_minor))
    credit_minor = exact_minor(opening.customer_credit, terms.currency)
    if credit_minor:
        postings.append(Posting("customer_credit", -credit_minor))
        source_id, id_ = derived("adp", state.contract_id), derived("ccr", state.contract_id, "adopted")
        books.credits[id_] = CustomerCredit(id_, "payment", source_id, None, credit_minor, credit_minor, sequence=1)
        books.touched.add(("credits", id_))
    if postings:
        total_minor = -sum(posting.amount_minor for posting in postings)
        books.entries.append(_entry(books, (Posting(OPENING_ACCOUNT, total_minor), *postings), on))
    return books


def _schedule(contract_id: str, line: Line, on: date, through: date, amount_minor: int) -> Schedule:
    """The revenue that the old invoice has left, earned from the adoption on as the line's revenue is."""
    return Schedule(
        id=derived("sch", contract_id, "adopted", line.id),
        line_id=line.id,
        basis="position",
        method=line.pattern,
        starts_on=on,
        ends_on=through,
        amount_minor=amount_minor,
        recognized_minor=0,
        recognized_through=on,
    )


def _entry(books: Books, postings: tuple[Posting, ...], on: date) -> Entry:
    return Entry(
        idempotency_key=f"adoption/{books.contract_id}",
        kind="adoption",
        source_type="contract",
        source_id=books.contract_id,
        posting_on=on,
        currency=books.currency,
        postings=postings,
        contract_id=books.contract_id,
        customer_id=books.customer_id,
        book=books.book,
    )
