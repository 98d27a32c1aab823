"""Adopting contracts in the database: what keeps them out, and storing each with its books, once."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from sqlmodel import Session

from adoption.asked import Adoption
from domain import adoption as core
from domain.errors import DomainError
from domain.terms import Terms
from models.books import load, store
from models.contract import ContractEvent, get_contract, record
from models.customer import resolve_customer
from models.period import periods
from models.usage_waiting import match_waiting

# The adoption is the first decision of the contract's history; its workflow goes on from it.
FIRST = 1
CONTENT = "content"

Outcome = Literal["adopted", "unchanged"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What adopting a contract comes to. With faults, nothing."""

    contract_id: str
    outcome: Outcome
    faults: tuple[DomainError, ...] = ()


def check(session: Session, asked: Adoption, on: date) -> Checked:
    """What would become of the contract on the day `on`. Nothing is written.

    One that was adopted before is `unchanged` where the same is said of it, whatever the day.
    """
    contract_id = asked.contract_id
    customer = resolve_customer(session, asked.customer)
    if get_contract(session, contract_id) is not None:
        adopted = session.get(ContractEvent, (contract_id, FIRST))
        same = (
            customer is not None and adopted is not None and adopted.data.get(CONTENT) == _content(asked, customer.id)
        )
        changed = DomainError(
            "it was adopted before, with another content; change the contract instead", "/external_id"
        )
        return Checked(contract_id, "unchanged", () if same else (changed,))
    unknown = DomainError("there is no customer with this id or key; create it first", "/customer")
    faults = [] if customer else [unknown]
    faults += [*core.faults(asked.terms, asked.opening, on=on), *_closed(session, asked.terms, on)]
    return Checked(contract_id, "adopted", tuple(faults))


def adopt(session: Session, asked: Adoption, *, on: date, at: datetime, spread_seconds: int = 0) -> Checked:
    """Store the contract with its opening balances, unless it is there; its workflow is started by the sweep.

    Raises:
        DomainError: the first fault of `check`.
    """
    checked = check(session, asked, on)
    for fault in checked.faults:
        raise fault
    if checked.outcome == "unchanged":
        return checked
    customer = resolve_customer(session, asked.customer)
    assert customer is not None
    state, brought = core.adopt(
        asked.terms,
        asked.opening,
        contract_id=checked.contract_id,
        customer_id=customer.id,
        on=on,
        spread_seconds=spread_seconds,
    )
    data = {"external_id": asked.external_id, CONTENT: _content(asked, customer.id)}
    if not record(session, state, sequence=FIRST, at=at, happened=f"adopted on {on}", data=data):
        # Somebody else adopted it meanwhile, and has committed.
        return adopt(session, asked, on=on, at=at, spread_seconds=spread_seconds)
    match_waiting(session, state.contract_id)
    terms = state.terms
    books = load(session, state.contract_id, zone=brought.zone, currency=brought.currency, book=brought.book)
    for schedule in brought.schedules.values():
        books.keep(schedule)
    books.credits.update(brought.credits)
    books.entries += brought.entries
    store(session, books, terms=terms, at=state.decided_at or at)
    return checked


def _content(asked: Adoption, customer_id: str) -> str:
    """A fingerprint of all that is said of the contract; what later versions add with a default does not change it."""
    told = asked.model_copy(update={"customer": customer_id})
    return hashlib.sha256(told.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def _closed(session: Session, terms: Terms, on: date) -> Iterator[DomainError]:
    closed = [period.ends_on for period in periods(session, terms.legal_entity) if period.status != "open"]
    if closed and on < max(closed):
        yield DomainError(
            f"the month of {on} is closed in book {terms.legal_entity}; adopt on {max(closed)} or later", "/on"
        )
