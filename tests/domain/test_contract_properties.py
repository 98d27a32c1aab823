"""What holds for every contract, whatever was agreed on and however it was changed, over three years."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from temporalio.contrib.pydantic import pydantic_data_converter

from domain.commands import Command, Wake
from domain.contract import decide, sign
from domain.due import next_due, service_end
from domain.errors import RefusedChange
from domain.invoice import monthly_value
from domain.period import first_instant
from domain.prices import Flat
from domain.state import ContractState, Decision, Item
from domain.terms import Terms
from tests.domain.shell import Story, UsageOf, apply, wake
from tests.domain.strategies import MONTHS, agreements, commands, histories, usages

lives_of_many = settings(max_examples=50, deadline=None, derandomize=True)
STATE: TypeAdapter[ContractState] = TypeAdapter(ContractState)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A contract after three years of what time and the parties did to it."""
    agreed = draw(agreements())
    return live(agreed, draw(histories(agreed.start)), draw(usages()))


def live(agreed: Terms, steps: list[tuple[datetime, Command]], usage: UsageOf) -> Story:
    story = Story(sign("con_1", "cus_1", agreed))
    for at, command in steps:
        wake(story, at, usage)
        apply(story, command, at, usage)
    wake(story, until(agreed), usage)
    return story


def until(agreed: Terms) -> datetime:
    return first_instant(agreed.start + timedelta(days=MONTHS * 31), agreed.timezone)


def states(story: Story) -> Iterator[ContractState]:
    yield from (decision.state for _, _, decision in story.decisions)


def days_covered(items: list[Item]) -> Counter[date]:
    """How often each day was charged for, less how often it was credited."""
    covered: Counter[date] = Counter()
    for item in items:
        times = -1 if item.kind == "credit" else 1
        for n in range((item.end - item.start).days):
            covered[item.start + timedelta(days=n)] += times
    return Counter({day: times for day, times in covered.items() if times})


@lives_of_many
@given(stories())
def test_every_day_of_service_is_charged_for_exactly_once(story: Story) -> None:
    state = story.state
    for progress in state.lines:
        line = state.terms.line(progress.id)
        items = [item for item in (*story.items, *state.carried) if item.line == line.id]
        kept = line.bill == "advance" and any(decision.forfeited for _, _, decision in story.decisions)
        through = progress.billed_through if state.ends_at is None or kept else state.ends_on
        assert through is not None
        assert days_covered(items) == Counter(
            {state.terms.start + timedelta(days=n): 1 for n in range((through - state.terms.start).days)}
        )


@lives_of_many
@given(stories())
def test_every_instant_of_service_is_metered_exactly_once(story: Story) -> None:
    state = story.state
    zone = state.terms.timezone
    for progress in state.lines:
        items = [item for item in story.items if item.line == progress.id and item.kind == "usage"]
        if not items:
            continue
        bounds = [first_instant(state.terms.start, zone), *(item.to_at for item in items)]
        assert [item.from_at for item in items] == bounds[:-1]
        assert bounds[-1] == (state.ends_at or first_instant(progress.billed_through, zone))


@lives_of_many
@given(stories())
def test_nothing_is_charged_beyond_the_end(story: Story) -> None:
    end = service_end(story.state)
    if end is not None and story.state.ends_at is None:
        assert all(item.end <= end for item in story.items)
    if story.state.ended:
        assert next_due(story.state) is None
        assert story.state.carried == ()


@lives_of_many
@given(stories())
def test_time_moves_forward_and_documents_count_up_by_one(story: Story) -> None:
    woken = [at for command, at, _ in story.decisions if isinstance(command, Wake)]
    assert all(earlier < later for earlier, later in pairwise(woken))
    assert list(story.billed_by_document) == list(range(1, story.state.documents + 1))
    versions = [state.version for state in states(story)]
    assert all(later - earlier in (0, 1) for earlier, later in pairwise(versions))


@lives_of_many
@given(stories())
def test_a_whole_period_of_a_flat_price_costs_that_price(story: Story) -> None:
    places = {"USD": 2, "JPY": 0, "KWD": 3}[story.state.terms.currency]
    for document in story.documents:
        sign_of = -1 if document.draft.kind == "credit_note" else 1
        for line in document.draft.lines:
            price = line.item.price
            plain = isinstance(price, Flat) and price.minimum is None and price.maximum is None
            if plain and line.item.part_days == line.item.whole_days and not document.draft.tax_by_rate:
                assert isinstance(price, Flat)
                mirrored = -sign_of if line.item.kind == "credit" else sign_of
                assert Decimal(line.net_minor * mirrored).scaleb(-places) == price.amount


@lives_of_many
@given(stories())
def test_a_document_sums_to_its_lines_and_is_never_negative(story: Story) -> None:
    for document in story.documents:
        drafted = document.draft
        assert drafted.net_minor == sum(line.net_minor for line in drafted.lines)
        assert drafted.tax_minor == sum(line.tax_minor for line in drafted.lines)
        assert drafted.total_minor == drafted.net_minor + drafted.tax_minor >= 0


@settings(lives_of_many, max_examples=30)
@given(stories())
def test_every_state_and_decision_survives_storage_and_temporal_unchanged(story: Story) -> None:
    converter = pydantic_data_converter.payload_converter
    for number, (_, _, decision) in enumerate(story.decisions):
        stored = STATE.dump_json(decision.state)
        again = STATE.validate_json(stored)
        assert again == decision.state
        assert STATE.dump_json(again) == stored
        if number % 7 == 0:
            assert converter.from_payloads(converter.to_payloads([decision]), [Decision]) == [decision]


@lives_of_many
@given(st.data())
def test_a_refused_change_leaves_the_state_as_it_was(data: st.DataObject) -> None:
    """Also where months were missed, as for a check of a change before all that is due is done."""
    agreed = data.draw(agreements())
    story = live(agreed, data.draw(histories(agreed.start)), data.draw(usages()))
    before = STATE.dump_json(story.state)
    for command in data.draw(st.lists(commands(), min_size=1, max_size=3)):
        try:
            decide(story.state, command, until(agreed) + timedelta(days=data.draw(st.integers(0, 400))))
        except RefusedChange as refusal:
            assert refusal.message
        assert STATE.dump_json(story.state) == before


@lives_of_many
@given(agreements(), usages())
def test_a_contract_that_was_woken_late_gives_the_same_documents(agreed: Terms, usage: UsageOf) -> None:
    in_time = live(agreed, [], usage)
    late = Story(sign("con_1", "cus_1", agreed))
    while (due := next_due(late.state)) is not None and due.at < until(agreed):
        apply(late, Wake(), until(agreed) + timedelta(days=90), usage)
    assert late.state == in_time.state
    assert late.documents == in_time.documents


@lives_of_many
@given(agreements())
def test_the_monthly_value_is_negative_only_where_something_is_given_back(agreed: Terms) -> None:
    gives_back = any(isinstance(line.price, Flat) and line.price.amount < 0 for line in agreed.lines)
    assert gives_back or monthly_value(agreed) >= 0
