"""A quote as a pure state machine: drafted, approved where it goes beyond limits, sent, and accepted or not."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from domain.contract import sign
from domain.errors import RefusedChange, StaleVersion
from domain.keys import derived
from domain.line import Line
from domain.period import first_instant
from domain.quote_approval import Excess, needs_approval
from domain.quote_commands import (
    Accept,
    Approve,
    Decline,
    Expire,
    QuoteCommand,
    Reject,
    Revise,
    Send,
    Submit,
    Withdraw,
)
from domain.state import ContractState
from domain.terms import Terms

QuoteStatus = Literal["draft", "pending_approval", "approved", "sent", "accepted", "declined", "expired", "withdrawn"]
OPEN: frozenset[QuoteStatus] = frozenset({"draft", "pending_approval", "approved", "sent"})


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who agreed to what, and when."""

    version: int
    terms_hash: str
    contract_id: str
    name: str
    email: str
    address: str | None
    remote_address: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class QuoteState:
    """All that a quote's workflow knows.

    `valid_until` is the last day on which it can be accepted, in the time zone of the terms. `excesses` are why this
    version needs an approval, `listed` the lines as the plan publishes them. Of the link there is only a keyed hash.
    """

    quote_id: str
    customer_id: str
    terms: Terms
    valid_until: date
    drafted_by: str
    status: QuoteStatus = "draft"
    version: int = 1
    listed: tuple[Line, ...] = ()
    submitted_by: str | None = None
    excesses: tuple[Excess, ...] = ()
    approved_by: str | None = None
    remark: str | None = None
    link_digest: str | None = None
    acceptance: Acceptance | None = None
    spread_seconds: int = 0

    @property
    def open(self) -> bool:
        """Whether something can still become of it."""
        return self.status in OPEN

    @property
    def expires_at(self) -> datetime:
        """The first instant at which it cannot be accepted any more."""
        return first_instant(self.valid_until + timedelta(days=1), self.terms.timezone)

    def status_at(self, at: datetime) -> QuoteStatus:
        """Its status at an instant, also where nobody has noted yet that it expired."""
        return "expired" if self.open and at >= self.expires_at else self.status


@dataclass(frozen=True, slots=True)
class QuoteDecision:
    """The state after a command; `contract` is what an acceptance signs."""

    state: QuoteState
    happened: str
    by: str | None = None
    contract: ContractState | None = None


def contract_id_of(quote_id: str) -> str:
    """The id of the contract that the quote becomes."""
    return derived("con", "quote", quote_id)


def terms_hash(terms: Terms) -> str:
    """What identifies the terms to the letter: the SHA-256 of their JSON with sorted keys, in hexadecimal."""
    text = json.dumps(terms.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_quote_version(state: QuoteState, expected_version: int | None, field: str = "/expected_version") -> None:
    """Raise unless the quote is still at the version that the caller decided on.

    Raises:
        StaleVersion: if it has moved on.
    """
    if expected_version is not None and expected_version != state.version:
        message = f"the quote is at version {state.version}, not {expected_version}: read it again and decide anew"
        raise StaleVersion(message, field)


def check_valid_until(valid_until: date, terms: Terms, at: datetime) -> None:
    """Raise where the last day is over at the instant `at`.

    Raises:
        RefusedChange: naming the field.
    """
    if first_instant(valid_until + timedelta(days=1), terms.timezone) <= at:
        raise RefusedChange(f"{valid_until} is over in {terms.timezone}; choose a later day", "/valid_until")


def decide(state: QuoteState, command: QuoteCommand, at: datetime) -> QuoteDecision:
    """The state after `command` at the instant `at`.

    Raises:
        RefusedChange: if the state does not allow it. The state is as it was.
    """
    if not state.open:
        raise RefusedChange(f"the quote is {in_words(state.status)}; nothing can become of it any more")
    over = at >= state.expires_at
    if isinstance(command, Expire):
        if not over:
            raise RefusedChange(f"the quote is valid until {state.valid_until}")
        return QuoteDecision(replace(state, status="expired"), f"expired after {state.valid_until}")
    if over:
        raise RefusedChange(f"the quote was valid until {state.valid_until}; make a new one")
    return _STEPS[type(command)](state, command, at)


def in_words(status: QuoteStatus) -> str:
    return status.replace("_", " ")


def _revise(state: QuoteState, command: Revise, at: datetime) -> QuoteDecision:
    check_valid_until(command.valid_until, command.terms, at)
    revised = QuoteState(
        quote_id=state.quote_id,
        customer_id=state.customer_id,
        terms=command.terms,
        valid_until=command.valid_until,
        drafted_by=command.by,
        version=state.version + 1,
        listed=command.listed,
        spread_seconds=state.spread_seconds,
    )
    return QuoteDecision(revised, f"version {revised.version} drafted", command.by)


def _submit(state: QuoteState, command: Submit, at: datetime) -> QuoteDecision:
    _from(state, "submitted", "draft")
    excesses = needs_approval(state.terms, command.limits, state.listed)
    submitted = replace(state, submitted_by=command.by, excesses=excesses, approved_by=None, remark=None)
    if excesses:
        return QuoteDecision(replace(submitted, status="pending_approval"), "submitted for approval", command.by)
    return QuoteDecision(replace(submitted, status="approved"), "submitted, within the limits", command.by)


def _approve(state: QuoteState, command: Approve, at: datetime) -> QuoteDecision:
    _from(state, "approved", "pending_approval")
    if command.by in (state.drafted_by, state.submitted_by):
        raise RefusedChange("whoever wrote or submitted a version cannot approve it; somebody else has to")
    return QuoteDecision(replace(state, status="approved", approved_by=command.by), "approved", command.by)


def _reject(state: QuoteState, command: Reject, at: datetime) -> QuoteDecision:
    _from(state, "rejected", "pending_approval")
    return QuoteDecision(replace(state, status="draft", remark=command.reason), "rejected", command.by)


def _send(state: QuoteState, command: Send, at: datetime) -> QuoteDecision:
    _from(state, "sent", "approved", "sent")
    happened = "sent" if state.status == "approved" else "sent again, with a new link"
    return QuoteDecision(replace(state, status="sent", link_digest=command.link_digest), happened, command.by)


def _accept(state: QuoteState, command: Accept, at: datetime) -> QuoteDecision:
    _from(state, "accepted", "sent")
    check_quote_version(state, command.version, "/version")
    contract = sign(contract_id_of(state.quote_id), state.customer_id, state.terms, spread_seconds=state.spread_seconds)
    acceptance = Acceptance(
        version=state.version,
        terms_hash=terms_hash(state.terms),
        contract_id=contract.contract_id,
        name=command.name,
        email=command.email,
        address=command.address,
        remote_address=command.remote_address,
        at=at,
    )
    accepted = replace(state, status="accepted", acceptance=acceptance)
    return QuoteDecision(accepted, f"version {state.version} accepted", contract=contract)


def _decline(state: QuoteState, command: Decline, at: datetime) -> QuoteDecision:
    _from(state, "declined", "sent")
    return QuoteDecision(replace(state, status="declined", remark=command.reason), "declined")


def _withdraw(state: QuoteState, command: Withdraw, at: datetime) -> QuoteDecision:
    return QuoteDecision(replace(state, status="withdrawn", remark=command.reason), "withdrawn", command.by)


def _from(state: QuoteState, done: str, *allowed: QuoteStatus) -> None:
    if state.status not in allowed:
        needed = " or ".join(in_words(status) for status in allowed)
        raise RefusedChange(f"the quote is {in_words(state.status)}; only one that is {needed} can be {done}")


_STEPS: Mapping[type, Callable[[QuoteState, Any, datetime], QuoteDecision]] = {
    Revise: _revise,
    Submit: _submit,
    Approve: _approve,
    Reject: _reject,
    Send: _send,
    Accept: _accept,
    Decline: _decline,
    Withdraw: _withdraw,
}
