"""A contract's books around one invoice, for steps that change them without a decision of the contract."""

from datetime import date

from sqlmodel import Session

from domain.due import service_end
from domain.state import ContractState
from models.books import LoadedBooks, load, lock
from models.contract import get_contract, state_of


def open_books(session: Session, contract_id: str, invoice_id: str) -> tuple[LoadedBooks, ContractState]:
    """The contract's books with all that belongs to the invoice, and its state; its row stays locked.

    Raises:
        UnknownContract: if there is no such contract.
    """
    lock(session, contract_id)
    row = get_contract(session, contract_id)
    assert row is not None
    state = state_of(row)
    terms = state.terms
    books = load(
        session,
        contract_id,
        zone=terms.timezone,
        currency=terms.currency,
        book=terms.legal_entity,
        invoices=(invoice_id,),
    )
    return books, state


def ended_on(state: ContractState) -> date | None:
    """The day on which service ended; None while it goes on."""
    return service_end(state) if state.over else None
