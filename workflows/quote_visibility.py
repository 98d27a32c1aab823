"""What sales and finance see of a quote in the Temporal UI: search attributes and a statement in Markdown."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain.life import Happening
    from domain.quote import QuoteState
    from domain.quote import in_words as status_in_words
    from domain.wording import in_words

from workflows.visibility import CONTRACT_STATUS, CURRENCY, CUSTOMER_ID, RECENT

_WAITS_FOR = {
    "draft": "somebody to submit it",
    "pending_approval": "an approval",
    "approved": "somebody to send it",
    "sent": "the customer's answer",
}


def quote_attributes(state: QuoteState) -> TypedSearchAttributes:
    """The attributes of a quote. Its status stands where a contract's does; tell them apart by the type of workflow."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(CONTRACT_STATUS, state.status),
            SearchAttributePair(CUSTOMER_ID, state.customer_id),
            SearchAttributePair(CURRENCY, state.terms.currency),
        ]
    )


def waits_for(state: QuoteState) -> str:
    """What the quote sleeps for, in words."""
    if not state.open:
        return "nothing"
    return f"{_WAITS_FOR[state.status]}, until {state.valid_until}"


def quote_statement(state: QuoteState, history: Sequence[Happening]) -> str:
    """A statement of the quote that needs no code to be understood, without names and addresses."""
    terms = state.terms
    facts = [
        ("Status", status_in_words(state.status)),
        ("Waits for", waits_for(state)),
        ("Version", str(state.version)),
        ("Term", f"{terms.term.months} months" if terms.term else "until it is cancelled"),
        ("Starts", f"{terms.start} ({terms.timezone})"),
    ]
    if state.acceptance is not None:
        facts.append(("Contract", f"`{state.acceptance.contract_id}`"))
    lines = [*(f"- **{name}**: {value}" for name, value in facts), "", "#### Lines"]
    for line in terms.lines:
        quantity = f"usage of meter {line.meter}" if line.meter else f"{line.units:f}"
        how = "once" if line.every == "once" else f"every {line.every}"
        lines.append(f"- **{line.id}**: {quantity} at {in_words(line.price, terms.currency)}, {how} in {line.bill}")
    if state.excesses:
        lines += ["", "#### Beyond the limits"]
        lines += [f"- {excess.message}" for excess in state.excesses]
    if history:
        lines += ["", "#### Recently"]
        lines += [f"- {happening.at:%Y-%m-%d}: {happening.what}" for happening in reversed(history[-RECENT:])]
    return "\n".join(lines)
