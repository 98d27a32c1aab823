"""A quote from its draft to a contract."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.errors import RefusedChange, StaleVersion
from domain.quote import QuoteState, contract_id_of, decide, terms_hash
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
from tests.domain.offered import AT, AUTHOR, BOSS, LIMITS, SEND, SUBMIT, after, draft, line, terms

LONG = terms(term={"months": 36})
SENT = after(draft(), SUBMIT, SEND)
ACCEPT = Accept(version=1, name="Ada Fly", email="ada@air.example", address="1 Hangar Rd", remote_address="10.0.0.7")


def refused(state: QuoteState, command: QuoteCommand, at: datetime = AT) -> RefusedChange:
    with pytest.raises(RefusedChange) as refusal:
        decide(state, command, at)
    return refusal.value


def revision(agreed: object = None, valid_until: date = date(2026, 2, 15), by: str = AUTHOR) -> Revise:
    return Revise(by=by, terms=agreed or terms(line("plan", "90.00")), valid_until=valid_until)  # type: ignore[arg-type]


def test_terms_within_the_limits_are_approved_as_they_are_submitted() -> None:
    decision = decide(draft(), SUBMIT, AT)
    assert (decision.state.status, decision.state.excesses) == ("approved", ())
    assert (decision.happened, decision.by) == ("submitted, within the limits", AUTHOR)


def test_terms_beyond_the_limits_wait_for_an_approval_and_say_why() -> None:
    state = after(draft(LONG), SUBMIT)
    assert state.status == "pending_approval"
    assert [(excess.field, excess.message) for excess in state.excesses] == [
        ("/term/months", "a term of 36 months, more than 24")
    ]
    approved = after(state, Approve(by=BOSS))
    assert (approved.status, approved.approved_by) == ("approved", BOSS)


@pytest.mark.parametrize("who", [AUTHOR, "key_seller"])
def test_neither_who_wrote_a_version_nor_who_submitted_it_can_approve_it(who: str) -> None:
    state = after(draft(LONG), Submit(by="key_seller", limits=LIMITS))
    assert "somebody else has to" in refused(state, Approve(by=who)).message
    assert after(state, Approve(by=BOSS)).status == "approved"


def test_what_was_rejected_is_a_draft_again_with_the_reason_until_it_is_submitted_anew() -> None:
    rejected = after(draft(LONG), SUBMIT, Reject(by=BOSS, reason="two years at most"))
    assert (rejected.status, rejected.remark, rejected.version) == ("draft", "two years at most", 1)
    assert after(rejected, SUBMIT).remark is None


def test_a_revision_is_a_new_version_that_needs_its_own_approval() -> None:
    approved = after(draft(LONG), SUBMIT, Approve(by=BOSS))
    revised = after(approved, revision(terms(term={"months": 48})))
    assert (revised.status, revised.version, revised.approved_by, revised.excesses) == ("draft", 2, None, ())
    assert after(revised, SUBMIT).status == "pending_approval"


def test_a_revision_closes_the_link_to_what_was_sent() -> None:
    revised = after(SENT, revision())
    assert (SENT.link_digest, revised.link_digest) == ("digest-1", None)
    assert "is draft; only one that is sent can be accepted" in refused(revised, ACCEPT).message


def test_sent_again_a_quote_has_a_new_link_only() -> None:
    again = decide(SENT, Send(by=AUTHOR, link_digest="digest-2"), AT)
    assert (again.state.link_digest, again.happened) == ("digest-2", "sent again, with a new link")


def test_an_acceptance_keeps_who_when_where_and_the_very_terms() -> None:
    decision = decide(SENT, ACCEPT, AT)
    kept = decision.state.acceptance
    assert kept is not None
    assert (kept.name, kept.email, kept.address, kept.remote_address, kept.at) == (
        "Ada Fly",
        "ada@air.example",
        "1 Hangar Rd",
        "10.0.0.7",
        AT,
    )
    assert (kept.version, kept.terms_hash, kept.contract_id) == (1, terms_hash(terms()), contract_id_of("quo_1"))


def test_an_acceptance_signs_the_contract_of_these_terms_under_an_id_of_the_quote() -> None:
    contract = decide(SENT, ACCEPT, AT).contract
    assert contract is not None
    assert (contract.contract_id, contract.customer_id, contract.status) == (contract_id_of("quo_1"), "cus_1", "signed")
    assert contract.terms == SENT.terms
    assert contract_id_of("quo_1") != contract_id_of("quo_2")


def test_the_customer_accepts_the_version_that_was_seen_and_no_other() -> None:
    second = after(SENT, revision(), SUBMIT, SEND)
    stale = refused(second, ACCEPT)
    assert (type(stale), stale.field) == (StaleVersion, "/version")
    assert after(second, ACCEPT.model_copy(update={"version": 2})).status == "accepted"


@pytest.mark.parametrize(
    ("state", "command"),
    [
        (draft(), SEND),
        (draft(), Approve(by=BOSS)),
        (draft(), ACCEPT),
        (after(draft(), SUBMIT), ACCEPT),
        (after(draft(), SUBMIT), SUBMIT),
        (after(draft(LONG), SUBMIT), SEND),
        (after(draft(LONG), SUBMIT), Decline()),
        (SENT, SUBMIT),
        (SENT, Reject(by=BOSS, reason="no")),
    ],
)
def test_a_step_out_of_turn_is_refused(state: QuoteState, command: QuoteCommand) -> None:
    assert f"the quote is {state.status.replace('_', ' ')}; only one that is" in refused(state, command).message


@pytest.mark.parametrize("last", [ACCEPT, Decline(reason="too dear"), Withdraw(by=AUTHOR)])
def test_once_it_is_over_a_quote_takes_nothing_more(last: QuoteCommand) -> None:
    state = after(SENT, last)
    for command in (ACCEPT, Decline(), Withdraw(by=AUTHOR), revision(), Expire()):
        assert "nothing can become of it any more" in refused(state, command, AT + timedelta(days=99)).message


def test_a_quote_is_valid_through_its_last_day_where_the_customer_is() -> None:
    """31 January ends in New York at five in the morning of 1 February, in UTC."""
    state = after(draft(terms(timezone="America/New_York")), SUBMIT, SEND)
    end = datetime(2026, 2, 1, 5, tzinfo=UTC)
    assert state.expires_at == end
    assert after(state, ACCEPT, at=end - timedelta(microseconds=1)).status == "accepted"
    assert "valid until 2026-01-31" in refused(state, ACCEPT, end).message
    assert "valid until 2026-01-31" in refused(state, Expire(), end - timedelta(microseconds=1)).message
    assert after(state, Expire(), at=end).status == "expired"
    assert (state.status_at(end - timedelta(microseconds=1)), state.status_at(end)) == ("sent", "expired")


def test_an_accepted_quote_does_not_expire_later() -> None:
    assert after(SENT, ACCEPT).status_at(AT + timedelta(days=365)) == "accepted"


def test_a_last_day_that_is_over_is_refused_by_its_field() -> None:
    assert refused(SENT, revision(valid_until=date(2026, 1, 9))).field == "/valid_until"
    assert after(SENT, revision(valid_until=date(2026, 1, 10))).valid_until == date(2026, 1, 10)


def test_equal_terms_have_one_hash_and_the_smallest_difference_another() -> None:
    assert terms_hash(terms()) == terms_hash(terms(line("plan", "100.00")))
    assert terms_hash(terms()) != terms_hash(terms(line("plan", "100.01")))


COMMANDS = st.sampled_from(
    [
        revision(),
        SUBMIT,
        Approve(by=BOSS),
        Reject(by=BOSS, reason="no"),
        SEND,
        ACCEPT,
        ACCEPT.model_copy(update={"version": 2}),
        Decline(),
        Withdraw(by=BOSS),
        Expire(),
    ]
)
_STATE = TypeAdapter(QuoteState)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(COMMANDS, st.integers(0, 40)), max_size=15), st.booleans())
def test_whatever_happens_only_what_was_sent_and_approved_in_time_becomes_a_contract(
    story: list[tuple[QuoteCommand, int]], long: bool
) -> None:
    state, contracts, day = draft(LONG if long else None), 0, 0
    for command, days in story:
        day += days
        at = AT + timedelta(days=day)
        try:
            decision = decide(state, command, at)
        except RefusedChange:
            continue
        if decision.contract is not None:
            contracts += 1
            assert state.status == "sent"
            assert at < state.expires_at
            assert not state.excesses or state.approved_by not in (None, state.drafted_by, state.submitted_by)
            assert decision.contract.terms == state.terms
        assert decision.state.version >= state.version
        assert _STATE.validate_json(_STATE.dump_json(decision.state)) == decision.state
        state = decision.state
    assert contracts == (1 if state.status == "accepted" else 0)
