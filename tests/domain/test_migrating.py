"""Contracts that move from one version of their plan to another, and what they bill afterwards."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.catalogue import PlanRef, PlanTerms, TermsOnPlan, agreed
from domain.commands import AddLine, Cancel, ChangeLine, Command, Pause, RemoveLine, Revise
from domain.contract import decide
from domain.errors import DomainError
from domain.migrating import move
from domain.offers import PlanVersion
from domain.state import ContractState
from domain.terms import Terms
from tests.domain.ledger import Used, account
from tests.domain.shell import Event, Story, UsageOf, apply, change, flat, nothing_used, per_unit, run, summed, wake

FIRST, SECOND, THIRD = (PlanVersion(id="pro", version=version) for version in (1, 2, 3))
METER = {"id": "calls", "aggregate": "sum"}


def line(line_id: str, price: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": line_id, "price": price, "every": "month", "bill": "advance", **more}


SEATS = line("seats", per_unit("20.00"), quantity=5)
CALLS = line("calls", per_unit("0.10"), meter="calls", bill="arrears")
YEARLY = line("support", flat("120.00"), every="year")
SETUP = line("setup", flat("500.00"), every="once")


def offered(*lines: dict[str, Any], **more: Any) -> PlanTerms:
    return PlanTerms.model_validate({"currency": "USD", "lines": lines, "meters": [METER], **more})


def signed(old: PlanTerms, *, overrides: dict[str, Any] | None = None, **stated: Any) -> Terms:
    ref = PlanRef.model_validate({"id": "pro", "overrides": overrides or {}, "without": stated.pop("without", [])})
    return agreed(FIRST, old, ref, TermsOnPlan.model_validate({"start": "2026-01-01", **stated}))


def moving(state: ContractState, old: PlanTerms, new: PlanTerms, **more: Any) -> Revise:
    revise = move(state, old, new, SECOND, **more)
    assert revise is not None
    return revise


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


def moved_on(
    day: str, old: PlanTerms, new: PlanTerms, until: str, terms: Terms, usage: UsageOf = nothing_used
) -> Story:
    """The story of a contract that is moved at noon of a day."""
    story = run(terms, "2025-12-31")
    wake(story, at(day), usage)
    apply(story, moving(story.state, old, new), at(day), usage)
    assert story.refused == []
    wake(story, at(until), usage)
    return story


# What changes, and when.


def test_a_new_price_counts_from_the_next_period_and_nothing_is_prorated() -> None:
    old, new = offered(SEATS), offered(line("seats", per_unit("22.00"), quantity=5))
    story = moved_on("2026-01-16", old, new, "2026-03-01", signed(old))
    assert story.totals == [("2026-01-01", "100.00"), ("2026-02-01", "110.00"), ("2026-03-01", "110.00")]


def test_the_contract_is_on_the_new_version_from_the_day_of_its_last_change() -> None:
    old, new = offered(SEATS, YEARLY), offered(line("seats", per_unit("22.00"), quantity=5), YEARLY | {"quantity": 2})
    story = moved_on("2026-01-16", old, new, "2026-12-31", signed(old))
    assert story.state.terms.plan == FIRST
    wake(story, at("2027-01-01"))
    assert story.state.terms.plan == SECOND


def test_lines_of_different_lengths_change_each_at_its_own_period() -> None:
    """110.00 a month from February; the year of support costs 120.00 until its end and 150.00 then."""
    old = offered(SEATS, YEARLY)
    new = offered(line("seats", per_unit("22.00"), quantity=5), line("support", flat("150.00"), every="year"))
    story = moved_on("2026-01-16", old, new, "2027-01-01", signed(old))
    assert [total for _, total in story.totals] == ["220.00", *["110.00"] * 11, "260.00"]


def test_a_move_on_the_day_of_a_bill_leaves_what_was_billed_that_day() -> None:
    old, new = offered(SEATS), offered(line("seats", per_unit("22.00"), quantity=5))
    story = moved_on("2026-02-01", old, new, "2026-03-01", signed(old))
    assert story.totals == [("2026-01-01", "100.00"), ("2026-02-01", "100.00"), ("2026-03-01", "110.00")]


def test_a_line_that_takes_over_from_another_starts_when_that_one_ends() -> None:
    old = offered(YEARLY)
    new = offered(line("care", flat("180.00"), every="year"), line("extra", flat("5.00")))
    story = moved_on("2026-03-10", old, new, "2027-01-01", signed(old))
    assert story.lines_of("2027-01-01") == [
        ("extra", "2027-01-01", "2027-02-01", "5.00"),
        ("care", "2027-01-01", "2028-01-01", "180.00"),
    ]
    assert [total for _, total in story.totals] == ["120.00", *["5.00"] * 9, "185.00"]


def test_usage_pays_the_price_of_its_own_period_and_a_new_line_brings_its_meter() -> None:
    """30 calls of January at 0.10, 20 of February at 0.20; 4 gigabytes of February at 1.00."""
    old = offered(CALLS)
    gigabytes = {"id": "gigabytes", "aggregate": "sum"}
    new = offered(
        line("calls", per_unit("0.20"), meter="calls", bill="arrears"),
        line("storage", per_unit("1.00"), meter="gigabytes", bill="arrears"),
        meters=[METER, gigabytes],
    )
    calls = summed(Event("2026-01-20T10:00:00Z", "30"), Event("2026-02-20T10:00:00Z", "20"))
    stored = summed(Event("2026-01-20T10:00:00Z", "9"), Event("2026-02-20T10:00:00Z", "4"))
    terms = signed(old)
    story = moved_on(
        "2026-01-10", old, new, "2026-03-01", terms, lambda item: (calls if item.line == "calls" else stored)(item)
    )
    assert story.totals == [("2026-02-01", "3.00"), ("2026-03-01", "8.00")]
    assert [meter.id for meter in story.state.terms.meters] == ["calls", "gigabytes"]


def test_a_line_that_the_new_version_has_not_ends_with_its_period() -> None:
    old, new = offered(SEATS, line("fax", flat("9.00"))), offered(SEATS)
    story = moved_on("2026-01-16", old, new, "2026-02-01", signed(old))
    assert story.totals == [("2026-01-01", "109.00"), ("2026-02-01", "100.00")]


def test_at_the_renewal_all_of_it_changes() -> None:
    term = {"months": 3, "renew": "auto"}
    old, new = offered(SEATS), offered(line("seats", per_unit("22.00"), quantity=5))
    story = run(signed(old, term=term), "2026-01-10")
    apply(story, moving(story.state, old, new, effective="renewal"), at("2026-01-16"))
    wake(story, at("2026-04-01"))
    assert [total for _, total in story.totals] == ["100.00", "100.00", "100.00", "110.00"]
    assert story.state.terms.plan == SECOND


def test_a_contract_that_has_not_started_starts_with_the_new_version() -> None:
    old, new = offered(SEATS), offered(line("seats", per_unit("22.00"), quantity=5))
    story = moved_on("2025-12-16", old, new, "2026-01-01", signed(old))
    assert (story.totals, story.state.terms.plan) == ([("2026-01-01", "110.00")], SECOND)


# What stays.


def test_what_was_agreed_on_otherwise_stays() -> None:
    """Price 18.00 is the contract's own, the 7 seats came later, the fax was dropped, the training is its own."""
    old = offered(SEATS, line("fax", flat("9.00")), line("mail", flat("4.00")))
    new = offered(line("seats", per_unit("22.00"), quantity=6), line("fax", flat("10.00")), line("mail", flat("5.00")))
    terms = signed(
        old,
        overrides={"seats": {"price": per_unit("18.00")}},
        without=["fax"],
        lines=[line("training", flat("30.00"))],
    )
    story = run(terms, "2026-01-10", [("2026-01-01", change("seats", quantity=7))])
    [only] = moving(story.state, old, new).changes
    assert only == change("mail", price=flat("5.00"))


def test_a_price_that_rose_with_the_renewals_is_the_old_versions() -> None:
    """20.00 and twice five percent: 22.05. The move goes to 30.00, while 19.00, once risen, stays."""
    old = offered(SEATS, line("fax", flat("9.00")))
    new = offered(line("seats", per_unit("30.00"), quantity=5), line("fax", flat("12.00")))
    term = {"months": 1, "renew": "auto", "uplift": "5"}
    story = run(signed(old, term=term, overrides={"fax": {"price": flat("19.00")}}), "2026-03-10")
    assert story.state.terms.line("seats").price.model_dump()["amount"] == Decimal("22.05")
    assert moving(story.state, old, new).changes == (change("seats", price=per_unit("30.00")),)


def test_what_was_billed_once_stays_as_it_is() -> None:
    old, new = offered(SEATS, SETUP), offered(SEATS, line("setup", flat("900.00"), every="once"))
    story = run(signed(old), "2026-01-10")
    assert moving(story.state, old, new).changes == ()
    assert moving(story.state, old, offered(SEATS)).changes == ()


def test_without_a_difference_the_contract_is_on_the_new_version_from_its_next_period() -> None:
    old = offered(SEATS)
    story = run(signed(old), "2026-01-10")
    apply(story, moving(story.state, old, offered(SEATS)), at("2026-01-16"))
    assert (story.refused, story.state.terms.plan) == ([], FIRST)
    wake(story, at("2026-02-01"))
    assert story.state.terms.plan == SECOND
    assert story.totals == [("2026-01-01", "100.00"), ("2026-02-01", "100.00")]


def test_a_contract_moves_once() -> None:
    old, new = offered(SEATS), offered(line("seats", per_unit("22.00"), quantity=5))
    story = moved_on("2026-01-16", old, new, "2026-01-20", signed(old))
    assert move(story.state, old, new, SECOND) is None
    wake(story, at("2026-02-01"))
    assert move(story.state, old, new, SECOND) is None


# What cannot be.

OLD = offered(SEATS, CALLS)


@pytest.mark.parametrize(
    ("new", "steps", "message"),
    [
        (
            offered(SEATS | {"every": "quarter"}, CALLS),
            [],
            "line seats: every cannot change: give the new line another",
        ),
        (offered(SEATS | {"bill": "arrears"}, CALLS), [], "line seats: bill cannot change"),
        (
            offered(SEATS, CALLS, meters=[METER | {"aggregate": "max"}]),
            [Revise.model_validate({"meters": [METER | {"aggregate": "count"}]})],
            "meter calls counts otherwise in the contract",
        ),
        (offered(SEATS, currency="EUR"), [], "the contract is in USD, version 2 of pro in EUR"),
        (offered(line("seats", flat("1.00"))), [Cancel()], "the contract was cancelled and ends on 2026-02-01"),
        (offered(line("seats", flat("1.00"))), [Cancel(when="now")], "the contract is cancelled"),
        (offered(line("seats", flat("1.00"))), [Pause(unused="extend")], "the contract is paused"),
        (
            offered(line("seats", flat("1.00"))),
            [change("seats", quantity=9, effective="next_period")],
            "another change of seats waits for its day",
        ),
        (
            offered(line("seats", flat("1.00")), CALLS),
            [RemoveLine.model_validate({"line": "seats", "effective": "2026-05-01"})],
            "another change of seats waits for its day",
        ),
        (
            offered(SEATS, CALLS, line("own", flat("1.00"))),
            [AddLine.model_validate({"line": line("own", flat("2.00"))})],
            "own is the contract's own",
        ),
    ],
)
def test_a_contract_that_cannot_be_moved_says_why(new: PlanTerms, steps: list[Command], message: str) -> None:
    story = run(signed(OLD), "2026-01-10")
    for step in steps:
        apply(story, step, at("2026-01-12"))
    assert story.refused == []
    with pytest.raises(DomainError, match=message):
        move(story.state, OLD, new, SECOND)


def test_a_contract_of_another_plan_or_on_its_way_to_another_version_stays() -> None:
    story = run(signed(OLD), "2026-01-10")
    elsewhere = replace(story.state, terms=story.state.terms.model_copy(update={"plan": None}))
    with pytest.raises(DomainError, match="the contract is not on the plan pro"):
        move(elsewhere, OLD, OLD, SECOND)
    apply(story, moving(story.state, OLD, offered(line("seats", flat("1.00")), CALLS)), at("2026-01-12"))
    with pytest.raises(DomainError, match="waits to move to version 2 of pro"):
        move(story.state, OLD, OLD, THIRD)


def test_a_contract_that_ends_before_the_next_period_is_not_moved() -> None:
    old, new = offered(YEARLY), offered(line("support", flat("150.00"), every="year"))
    story = run(signed(old, term={"months": 12}), "2026-01-10")
    apply(story, moving(story.state, old, new), at("2026-01-16"))
    assert story.refused == ["the contract ends on 2027-01-01, before the next period on 2027-01-01"]


# In general.

names = st.sampled_from("abcd")
prices = st.integers(1, 9)
every = st.sampled_from(["month", "quarter", "year"])


@st.composite
def versions(draw: st.DrawFn) -> tuple[PlanTerms, PlanTerms]:
    """Two versions whose lines of one id have one length, of which the line `kept` is the same in both."""
    length = {name: draw(every) for name in "abcd"}
    kept = line("kept", flat("7.00"))

    def lines() -> list[dict[str, Any]]:
        taken = draw(st.sets(names, min_size=1))
        return [line(name, flat(f"{draw(prices)}.00"), every=length[name]) for name in sorted(taken)]

    return offered(*lines(), kept), offered(*lines(), kept)


@settings(deadline=None, max_examples=60)
@given(versions(), st.dates(datetime(2026, 1, 1).date(), datetime(2026, 12, 20).date()))
def test_after_a_move_every_line_is_billed_by_whole_periods_and_the_rest_as_before(
    both: tuple[PlanTerms, PlanTerms], day: Any
) -> None:
    old, new = both
    terms = signed(old)
    stays = run(terms, "2028-01-02")
    moves = moved_on(str(day), old, new, "2028-01-02", terms)
    kept = [[entry for one in story.documents for entry in one.lines if entry[0] == "kept"] for story in (stays, moves)]
    assert kept[0] == kept[1]
    assert all(item.kind == "charge" and item.part_days == item.whole_days for item in moves.items)
    assert moves.state.terms.plan == SECOND
    assert move(moves.state, old, new, SECOND) is None
    last = {one.id for one in moves.state.terms.lines} - {one.id for one in moves.state.lines if one.removed}
    assert last == {one.id for one in new.lines}
    assert {moves.state.terms.line(one.id).price == one.price for one in new.lines} == {True}


def test_a_revision_may_bring_a_plan_alone_but_not_nothing() -> None:
    with pytest.raises(ValueError, match="changes: give at least one, a plan or meters"):
        Revise()
    story = run(signed(OLD), "2026-01-10")
    decision = decide(story.state, Revise(plan=THIRD), at("2026-01-16"))
    assert (decision.state.terms.plan, decision.bill) == (THIRD, None)
    assert decision.happened == "moves to version 3 of pro now"


def test_a_meter_counts_like_the_new_version_from_the_next_period_of_the_line_that_reads_it() -> None:
    """Seats are yearly: the month of the calls decides. January sums to 50, February's greatest is 20."""
    yearly = line("seats", per_unit("20.00"), quantity=5, every="year")
    old = offered(yearly, CALLS)
    new = offered(yearly, CALLS, meters=[METER | {"aggregate": "max"}])
    terms = signed(old)
    used = [Used("2026-01-20", "30"), Used("2026-01-21", "20"), Used("2026-02-20", "20"), Used("2026-02-21", "10")]
    story = run(terms, "2026-01-10")
    revise = moving(story.state, old, new)
    assert (revise.changes, [meter.aggregate for meter in revise.meters]) == ((), ["max"])
    told = account(terms, "2026-03-10", [("2026-01-16", revise)], used)
    assert told.totals == [("2026-01-01", "100.00"), ("2026-02-01", "5.00"), ("2026-03-01", "2.00")]


def test_a_meter_waits_for_its_own_line_where_others_change_before() -> None:
    """Seats rise on 1 February; the calls of the quarter are summed to its end."""
    quarterly = CALLS | {"every": "quarter"}
    old = offered(SEATS, quarterly)
    dearer = line("seats", per_unit("22.00"), quantity=5)
    new = offered(dearer, quarterly, meters=[METER | {"aggregate": "max"}])
    story = run(signed(old), "2026-01-10")
    apply(story, moving(story.state, old, new), at("2026-01-16"))
    assert [(str(one.on), len(one.changes), len(one.meters)) for one in story.state.scheduled] == [
        ("2026-02-01", 1, 0),
        ("2026-04-01", 0, 1),
    ]
    assert [one.plan for one in story.state.scheduled] == [None, SECOND]


def test_a_quantity_that_the_new_version_leaves_out_is_one() -> None:
    story = run(signed(OLD), "2026-01-10")
    assert moving(story.state, OLD, offered(line("seats", per_unit("20.00")), CALLS)).changes == (
        ChangeLine(line="seats", quantity=1),  # type: ignore[arg-type]
    )
