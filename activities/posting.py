"""Journal entries of documents and of the customer credit that pays them."""

from activities.recognition import ACCOUNTS, BASES
from domain.invoice import Draft
from domain.state import Bill, ContractState
from models.journal import Entry, Posting

Amounts = dict[tuple[str, str | None], int]


def document_entries(
    state: ContractState, bill: Bill, document: Draft, invoice_id: str, *, applied_minor: int, lowered_minor: int
) -> list[Entry]:
    """What the document posts: Dr receivable / Cr position or unbilled, and tax; a credit note the other way round.

    `applied_minor` is customer credit that pays an invoice; `lowered_minor` what a credit note takes off
    receivables, while the rest of it is owed to the customer.
    """
    claim = document.total_minor if document.kind == "invoice" else -lowered_minor
    owed = 0 if document.kind == "invoice" else lowered_minor - document.total_minor
    amounts: Amounts = {("receivable", None): claim, ("customer_credit", None): owed}
    amounts |= _sources(document)
    used: Amounts = {("customer_credit", None): applied_minor, ("receivable", None): -applied_minor}
    entries = [
        _entry(state, bill, invoice_id, document.kind, amounts),
        _entry(state, bill, invoice_id, "credit_applied", used),
    ]
    return [entry for entry in entries if entry.postings]


def _sources(document: Draft) -> Amounts:
    """What was billed, by the account that it settles and the line, and the tax; credits are negative amounts."""
    sign = -1 if document.kind == "credit_note" else 1
    amounts: Amounts = {}
    for line in document.lines:
        key = (ACCOUNTS[BASES[line.item.bill]], line.item.line)
        amounts[key] = amounts.get(key, 0) - sign * line.net_minor
    amounts["tax_payable", None] = -sign * document.tax_minor
    return amounts


def _entry(state: ContractState, bill: Bill, invoice_id: str, kind: str, amounts: Amounts) -> Entry:
    return Entry(
        idempotency_key=f"{kind}/{invoice_id}",
        kind=kind,
        source_type="invoice",
        source_id=invoice_id,
        posting_on=bill.on,
        currency=state.terms.currency,
        postings=tuple(Posting(account, amount, line) for (account, line), amount in amounts.items() if amount),
        contract_id=state.contract_id,
        customer_id=state.customer_id,
        invoice_id=invoice_id,
    )
