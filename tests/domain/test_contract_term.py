"""How a contract renews, ends, earns, and hears of its invoices."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter

from domain.commands import InvoiceSettled, InvoiceUnpaid, Wake
from domain.contract import decide, sign
from domain.due import next_due
from domain.errors import RefusedChange, StaleVersion
from domain.expectation import check_version
from domain.state import ContractState
from tests.domain.shell import Event, Steps, cancel, change, flat, per_unit, run, summed, terms

METERS = [{"id": "calls", "aggregate": "sum"}]


def calls(**more: Any) -> dict[str, Any]:
    return {"id": "calls", "meter": "calls", "bill": "arrears", "price": per_unit("0.10"), **more}


def test_a_term_without_renewal_expires_and_bills_its_last_arrears() -> None:
    agreed = terms(
        {"id": "plan", "price": flat("10.00")},
        {"id": "support", "price": flat("5.00"), "bill": "arrears"},
        calls(),
        start="2026-01-01",
        term={"months": 3},
        meters=METERS,
    )
    usage = summed(Event("2026-03-31T23:00:00Z", "70"), Event("2026-04-01T00:00:00Z", "1000"))
    story = run(agreed, "2026-06-30", usage=usage)
    assert story.totals == [
        ("2026-01-01", "10.00"),
        ("2026-02-01", "15.00"),
        ("2026-03-01", "15.00"),
        ("2026-04-01", "12.00"),
    ]
    assert story.state.status == "expired"
    assert next_due(story.state) is None
    assert story.decisions[-1][2].happened == "expired on 2026-04-01"


def test_a_term_that_ends_within_a_period_bills_the_days_up_to_its_end() -> None:
    """The term is over on 5 April: 4 of April's 30 days of 30.00."""
    agreed = terms({"id": "plan", "price": flat("30.00")}, start="2026-03-05", anchor_day=1, term={"months": 1})
    story = run(agreed, "2026-05-01")
    assert story.lines_of("2026-04-01") == [("plan", "2026-04-01", "2026-04-05", "4.00")]
    assert (story.state.status, len(story.documents)) == ("expired", 2)


def test_a_term_that_renews_goes_on_and_says_until_when() -> None:
    agreed = terms({"id": "plan", "price": flat("30.00")}, start="2026-01-31", term={"months": 1, "renew": "auto"})
    story = run(agreed, "2026-03-31")
    assert story.totals == [("2026-01-31", "30.00"), ("2026-02-28", "30.00"), ("2026-03-31", "30.00")]
    assert [decision.happened for _, _, decision in story.decisions] == [
        "started on 2026-01-31",
        "renewed on 2026-02-28 until 2026-03-31",
        "renewed on 2026-03-31 until 2026-04-30",
    ]
    assert (story.state.status, story.state.term_number) == ("active", 3)


def test_a_renewal_within_a_period_bills_nothing() -> None:
    monthly = {"months": 1, "renew": "auto"}
    agreed = terms({"id": "plan", "price": flat("90.00"), "every": "quarter"}, start="2026-01-01", term=monthly)
    assert run(agreed, "2026-03-31").totals == [("2026-01-01", "90.00")]


# Revenue.


def test_long_periods_are_recognised_every_month() -> None:
    agreed = terms({"id": "licence", "price": flat("1200.00"), "every": "year"}, start="2026-01-15")
    story = run(agreed, "2026-04-01")
    assert [(str(decision.recognise_through), decision.happened) for _, _, decision in story.decisions] == [
        ("2026-01-15", "started on 2026-01-15"),
        ("2026-02-01", "revenue recognised up to 2026-02-01"),
        ("2026-03-01", "revenue recognised up to 2026-03-01"),
        ("2026-04-01", "revenue recognised up to 2026-04-01"),
    ]


def test_what_is_earned_and_not_yet_billed_accrues() -> None:
    agreed = terms({"id": "audit", "price": flat("90.00"), "every": "quarter", "bill": "arrears"}, start="2026-01-01")
    *_, (_, _, february), (_, _, march) = run(agreed, "2026-03-01").decisions
    assert [(str(item.start), str(item.end), item.part_days, item.whole_days) for item in february.accruals] == [
        ("2026-01-01", "2026-02-01", 31, 90)
    ]
    assert [item.part_days for item in march.accruals] == [59]
    *_, (_, _, billed) = run(agreed, "2026-04-01").decisions
    assert billed.accruals == ()


# News, versions and other forms.


def test_an_unpaid_invoice_makes_it_past_due_until_the_last_is_settled() -> None:
    state = run(terms({"id": "plan", "price": flat("1.00")}, start="2026-01-01"), "2026-02-01").state
    at = datetime(2026, 2, 2, tzinfo=UTC)
    statuses = []
    for command in (
        InvoiceUnpaid(invoice_id="inv_1"),
        InvoiceUnpaid(invoice_id="inv_2"),
        InvoiceUnpaid(invoice_id="inv_2"),
        InvoiceSettled(invoice_id="inv_1"),
        InvoiceSettled(invoice_id="inv_2"),
        InvoiceSettled(invoice_id="inv_2"),
    ):
        decision = decide(state, command, at)
        state = decision.state
        statuses.append((decision.happened, state.status, state.unpaid))
    assert statuses == [
        ("an invoice is due and unpaid", "past_due", ("inv_1",)),
        ("an invoice is due and unpaid", "past_due", ("inv_1", "inv_2")),
        ("an invoice is due and unpaid", "past_due", ("inv_1", "inv_2")),
        ("an invoice was settled", "past_due", ("inv_2",)),
        ("an invoice was settled", "active", ()),
        ("an invoice was settled", "active", ()),
    ]


def test_it_stays_past_due_over_a_billing_and_ended_whatever_is_paid() -> None:
    agreed = terms({"id": "plan", "price": flat("1.00")}, start="2026-01-01", term={"months": 2})
    unpaid = InvoiceUnpaid(invoice_id="inv_1")
    assert run(agreed, "2026-02-15", [("2026-01-02", unpaid)]).state.status == "past_due"
    ended = run(agreed, "2026-03-01", [("2026-01-02", unpaid)]).state
    assert (ended.status, ended.unpaid) == ("expired", ("inv_1",))
    settled = decide(ended, InvoiceSettled(invoice_id="inv_1"), datetime(2026, 3, 2, tzinfo=UTC)).state
    assert (settled.status, settled.unpaid) == ("expired", ())


@pytest.mark.parametrize("command", [Wake(), change("plan", quantity=2), cancel(), cancel("now")])
def test_a_contract_that_has_ended_takes_no_more(command: Wake) -> None:
    agreed = terms({"id": "plan", "price": flat("1.00")}, start="2026-01-01", term={"months": 1})
    ended = run(agreed, "2026-02-01").state
    with pytest.raises(RefusedChange, match="the contract is expired"):
        decide(ended, command, datetime(2026, 2, 2, tzinfo=UTC))


def test_a_change_that_was_decided_on_an_older_version_is_refused() -> None:
    agreed = terms({"id": "seats", "price": per_unit("1.00"), "quantity": 3}, start="2026-01-01")
    state = run(agreed, "2026-01-10", [("2026-01-05", change("seats", quantity=4))]).state
    check_version(state, None)
    check_version(state, 2)
    with pytest.raises(StaleVersion, match="at version 2, not 1") as refused:
        check_version(state, 1)
    assert refused.value.field == "/expected_version"


def test_a_state_says_the_same_after_its_way_through_json() -> None:
    agreed = terms(
        {"id": "plan", "price": flat("10.00", minimum="1.50")},
        calls(price={"model": "volume", "tiers": [{"up_to": "0.5", "unit": "0.000001"}, {"up_to": None, "unit": 1}]}),
        start="2026-01-01",
        timezone="Europe/Paris",
        meters=METERS,
        tax=[{"name": "VAT", "rate": "20"}],
    )
    steps: Steps = [
        ("2026-01-10", change("plan", price=flat("7.00"), invoice="next")),
        ("2026-01-11T17:00:00Z", change("calls", price=per_unit("0.20"))),
        ("2026-01-12", change("plan", price=flat("8.00"), effective="next_period")),
    ]
    state = run(agreed, "2026-01-20", steps).state
    adapter: TypeAdapter[ContractState] = TypeAdapter(ContractState)
    assert adapter.validate_python(json.loads(adapter.dump_json(state))) == state
    assert replace(state, version=1) != state


def test_a_contract_that_was_signed_waits_for_its_start() -> None:
    agreed = terms({"id": "plan", "price": flat("1.00")}, start="2026-05-01", timezone="Asia/Tokyo")
    state = sign("con_1", "cus_1", agreed)
    due = next_due(state)
    assert state.status == "signed"
    assert due is not None
    assert (due.at, due.reason) == (datetime(2026, 4, 30, 15, tzinfo=UTC), "start")
