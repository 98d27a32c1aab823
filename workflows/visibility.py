"""What finance sees of a contract in the Temporal UI: search attributes and a statement in Markdown."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain.due import next_due, service_end
    from domain.life import CollectionLife, ContractView, Happening, OpenInvoice
    from domain.money import format_money
    from domain.recurring import monthly_value
    from domain.state import ContractState
    from domain.wording import in_words

CONTRACT_STATUS = SearchAttributeKey.for_keyword("ContractStatus")
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
CURRENCY = SearchAttributeKey.for_keyword("Currency")
DUNNING_STAGE = SearchAttributeKey.for_keyword("DunningStage")
BILLING_HEALTH = SearchAttributeKey.for_keyword("BillingHealth")
NEXT_BILLING_AT = SearchAttributeKey.for_datetime("NextBillingAt")
MRR = SearchAttributeKey.for_int("MRR")
OPEN_BALANCE = SearchAttributeKey.for_int("OpenBalance")

# Happenings that the statement tells, newest first.
RECENT = 6

# A start with an attribute that the server does not know fails, so a worker checks them before it polls.
ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (
    CONTRACT_STATUS,
    CUSTOMER_ID,
    CURRENCY,
    DUNNING_STAGE,
    BILLING_HEALTH,
    NEXT_BILLING_AT,
    MRR,
    OPEN_BALANCE,
)


def contract_attributes(state: ContractState, open_invoices: tuple[OpenInvoice, ...]) -> TypedSearchAttributes:
    """The attributes of a contract; amounts are minor units of its currency."""
    due = next_due(state)
    held = state.held is not None or any(invoice.held for invoice in open_invoices)
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(CONTRACT_STATUS, state.status),
        SearchAttributePair(CUSTOMER_ID, state.customer_id),
        SearchAttributePair(CURRENCY, state.terms.currency),
        SearchAttributePair(MRR, monthly_value(state)),
        SearchAttributePair(OPEN_BALANCE, sum(invoice.open_minor for invoice in open_invoices)),
        SearchAttributePair(DUNNING_STAGE, "retrying" if state.unpaid else "none"),
        SearchAttributePair(BILLING_HEALTH, "held" if held else "ok"),
    ]
    if due is not None:
        pairs.append(SearchAttributePair(NEXT_BILLING_AT, due.at))
    return TypedSearchAttributes(pairs)


def collection_attributes(life: CollectionLife, stage: str) -> TypedSearchAttributes:
    """The attributes of a collection."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(CUSTOMER_ID, life.customer_id),
            SearchAttributePair(CURRENCY, life.currency),
            SearchAttributePair(DUNNING_STAGE, stage),
            SearchAttributePair(OPEN_BALANCE, 0 if stage == "settled" else life.open_minor),
        ]
    )


def waits_for(state: ContractState, *, on_clock: bool) -> str:
    """What the contract sleeps for, in words."""
    due = next_due(state)
    if state.awaits_payment_method:
        return "a payment method of the customer" + (f", at the latest until it ends on {due.on}" if due else "")
    if due is None:
        return f"nothing: the contract is {state.status}"
    what = {
        "start": "start",
        "change": "make a change that was agreed",
        "bill": "bill",
        "issue": "issue what waited for late usage",
        "renew": "renew",
        "end": "end",
        "recognise": "recognise revenue",
        "late": "bill late usage",
        "close": "close for good",
    }
    return f"{due.on}{' on its test clock' if on_clock else ''}, to {what[due.reason]}"


def view_of(
    state: ContractState,
    now: datetime,
    waits: str,
    open_invoices: Iterable[OpenInvoice],
    history: Sequence[Happening],
) -> ContractView:
    """What a contract says of itself to those who ask."""
    due = next_due(state)
    return ContractView(
        state=state,
        now=now,
        next_due_at=due.at if due else None,
        next_due_on=due.on if due else None,
        waits_for=waits,
        open_invoices=tuple(open_invoices),
        history=tuple(history),
    )


def upsert(wanted: TypedSearchAttributes) -> None:
    """Set the attributes that differ from what the server has: each upsert is an event and an action."""
    current = workflow.info().typed_search_attributes
    updates: list[SearchAttributeUpdate[Any]] = [
        pair.key.value_set(pair.value) for pair in wanted if current.get(pair.key) != pair.value
    ]
    if wanted.get(NEXT_BILLING_AT) is None and current.get(NEXT_BILLING_AT) is not None:
        updates.append(NEXT_BILLING_AT.value_unset())
    if updates:
        workflow.upsert_search_attributes(updates)


def contract_statement(
    state: ContractState, open_invoices: tuple[OpenInvoice, ...], history: Sequence[Happening], waits: str
) -> str:
    """A statement of the contract that needs no code to be understood."""
    terms, end = state.terms, service_end(state)
    balance = sum(invoice.open_minor for invoice in open_invoices)
    facts = [
        ("Status", state.status.replace("_", " ")),
        ("Waits for", waits),
        ("Open balance", format_money(balance, terms.currency)),
        ("Monthly recurring value", format_money(monthly_value(state), terms.currency)),
        ("Service", f"{terms.start} to {end}" if end else f"since {terms.start}, without an end"),
        ("Time zone", terms.timezone),
        ("Version of the terms", str(state.version)),
    ]
    if state.held is not None:
        facts.append(("Held", state.held))
    lines = [*_list(facts), "", "#### Lines"]
    for progress in state.lines:
        if progress.removed:
            continue
        line = terms.line(progress.id)
        quantity = f"usage of meter {line.meter}" if line.meter else f"{line.units:f}"
        price = in_words(line.price, terms.currency)
        how = "once" if line.every == "once" else f"every {line.every}"
        how += f" in {line.bill}, billed through {progress.billed_through}"
        lines.append(f"- **{line.id}**: {quantity} at {price}, {how}")
    if open_invoices:
        lines += ["", "#### Open invoices"]
        for invoice in open_invoices:
            lines.append(
                f"- **{invoice.number}**: {format_money(invoice.open_minor, terms.currency)}, due {invoice.due_on}"
            )
    if history:
        lines += ["", "#### Recently"]
        lines += [f"- {happening.at:%Y-%m-%d}: {happening.what}" for happening in reversed(history[-RECENT:])]
    return "\n".join(lines)


def collection_statement(life: CollectionLife, stage: str, next_at: datetime | None) -> str:
    """A statement of what is being done to collect an invoice."""
    waits = f"the next attempt at {next_at:%Y-%m-%d %H:%M} UTC" if next_at else "a payment or a new payment method"
    facts = [
        ("Invoice", life.number),
        ("Open", format_money(life.open_minor, life.currency)),
        ("Stage", stage),
        ("Declined so far", str(life.failures)),
        ("Last answer", life.last_code or "none"),
        ("Waits for", "nothing" if stage == "settled" else waits),
    ]
    return "\n".join(_list(facts))


def _list(facts: list[tuple[str, str]]) -> list[str]:
    # Tables are shown without room between their columns, so a list reads better.
    return [f"- **{name}**: {value}" for name, value in facts]
