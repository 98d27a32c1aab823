from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.errors import DomainError
from domain.modification import Addition, Modification, ModificationRefused, Promise, Treatment, choose, modify
from tests.domain.public_cases import case_name, minor, public_cases

PROMISES = TypeAdapter(tuple[Promise, ...])
AMOUNTS = st.decimals("-100000", "100000", places=2)
SSPS = st.decimals("0.01", "100000", places=2)


def work(name: str, allocated: str, recognized: str, ssp: str, progress: str | None = None) -> Promise:
    """One obligation satisfied over time."""
    return Promise.model_validate(
        {
            "id": name,
            "allocated": allocated,
            "recognized": recognized,
            "remaining_ssp": ssp,
            "over_time": True,
            **({} if progress is None else {"progress": progress}),
        }
    )


def units(name: str, allocated: str, recognized: str, ssp: str) -> Promise:
    """Distinct units, some of them delivered."""
    return Promise(id=name, allocated=Decimal(allocated), recognized=Decimal(recognized), remaining_ssp=Decimal(ssp))


def change(price: str, *remove: str, **add: str) -> Modification:
    added = tuple(Addition(id=name, ssp=Decimal(ssp)) for name, ssp in add.items())
    return Modification(price=Decimal(price), add=added, remove=remove)


@pytest.mark.parametrize("case", public_cases("modify"), ids=case_name)
def test_the_public_cases_of_modifications(case: dict[str, Any]) -> None:
    modified = modify(
        PROMISES.validate_python(case["before"]),
        Modification.model_validate(case["change"]),
        case["treatment"],
        currency=case.get("currency", "USD"),
    )
    answers = {
        "treatment": modified.treatment,
        "revenue_now": modified.revenue_now_minor,
        "remaining": modified.remaining,
    }
    expect = case["expect"]
    assert answers == {
        "treatment": expect["treatment"],
        "revenue_now": minor(expect["revenue_now"], case),
        "remaining": {name: minor(amount, case) for name, amount in expect["remaining"].items()},
    }


@pytest.mark.parametrize(
    ("before", "changed", "treatment"),
    [
        # What is added at its stand-alone price is a contract of its own, beside units and beside work under way.
        ([units("a", "100", "50", "50")], change("80", b="30", c="50"), "separate"),
        ([work("a", "100", "40", "60", "0.4")], change("80", b="80"), "separate"),
        # It is not at another price, nor where something is taken away with it.
        ([units("a", "100", "50", "50")], change("79.99", b="80"), "prospective"),
        ([units("a", "100", "50", "50")], change("80", "a", b="80"), "prospective"),
        ([work("a", "100", "40", "60", "0.4")], change("70", b="80"), "mixed"),
        # Work that has not begun is distinct from what was given.
        ([work("a", "100", "0", "100")], change("-10"), "prospective"),
        ([work("a", "100", "0", "100", "0")], change("-10"), "prospective"),
        ([work("a", "100", "0", "100", "0.1")], change("-10"), "catch_up"),
        ([work("a", "100", "40", "60", "0.4")], change("-10"), "catch_up"),
        ([work("a", "100", "40", "60", "0.4"), units("b", "50", "0", "50")], change("-10"), "mixed"),
        # Only what remains counts.
        ([work("a", "100", "40", "60", "0.4"), units("b", "50", "50", "0")], change("-10"), "catch_up"),
        ([work("a", "100", "40", "60", "0.4"), units("b", "50", "10", "40")], change("-10", "a"), "prospective"),
        ([units("b", "50", "50", "0")], change("-10"), "catch_up"),
    ],
)
def test_the_rules_choose_by_what_is_added_and_what_remains(
    before: list[Promise], changed: Modification, treatment: Treatment
) -> None:
    assert choose(before, changed) == treatment
    assert modify(before, changed, currency="USD").treatment == treatment


def test_a_reviewer_may_choose_another_treatment() -> None:
    """Caught up at 40 %: 90.00 x 0.4 - 40.00 = -4.00. Prospective: 60.00 - 10.00 are still to come."""
    before, changed = [work("a", "100", "40", "60", "0.4")], change("-10")
    caught_up = modify(before, changed, currency="USD")
    assert (caught_up.revenue_now_minor, caught_up.remaining) == (-400, {"a": 5400})
    later = modify(before, changed, "prospective", currency="USD")
    assert (later.treatment, later.revenue_now_minor, later.remaining) == ("prospective", 0, {"a": 5000})


def test_several_works_share_a_new_price_as_they_shared_the_first() -> None:
    """-40.00 over 300 and 100 are -30.00 and -10.00: 270 x 0.5 - 150 = -15.00 and 90 x 0.2 - 20 = -2.00."""
    before = [work("a", "300", "150", "10", "0.5"), work("b", "100", "20", "990", "0.2")]
    modified = modify(before, change("-40"), currency="USD")
    assert modified.treatment == "catch_up"
    assert modified.caught_up == {"a": -1500, "b": -200}
    assert modified.remaining == {"a": 13500, "b": 7200}


def test_work_under_way_takes_up_what_a_removed_one_leaves() -> None:
    """80.00 of b were unrecognised and 100.00 are taken off: 280 x 0.5 - 150 = -10.00."""
    before = [work("a", "300", "150", "150", "0.5"), work("b", "100", "20", "80", "0.2")]
    modified = modify(before, change("-100", "b"), currency="USD")
    assert (modified.treatment, modified.caught_up, modified.remaining) == ("catch_up", {"a": -1000}, {"a": 14000})


def test_a_catch_up_reaches_units_where_their_progress_is_known() -> None:
    """A reviewer who holds the units for one obligation: 110 x 3 / 4 - 70 = 12.50."""
    before = [Promise.model_validate({**units("a", "100", "70", "30").model_dump(), "progress": [3, 4]})]
    modified = modify(before, change("10"), "catch_up", currency="USD")
    assert (modified.caught_up, modified.remaining) == ({"a": 1250}, {"a": 2750})


def test_where_nothing_remains_all_is_revenue_of_now() -> None:
    """A price cut after delivery, and a contract whose whole rest is taken away for 30.00 less."""
    delivered = [units("a", "100", "100", "0"), units("b", "50", "50", "0")]
    assert modify(delivered, change("-15"), currency="USD").caught_up == {"a": -1000, "b": -500}
    for treatment in ("auto", "prospective", "mixed"):
        ended = modify([units("a", "100", "60", "40")], change("-30", "a"), treatment, currency="USD")
        assert (ended.revenue_now_minor, ended.remaining) == (1000, {})


def test_amounts_have_the_decimals_of_their_currency() -> None:
    modified = modify([units("a", "1000", "0", "1")], change("1", b="2"), currency="JPY")
    assert modified.remaining == {"a": 334, "b": 667}


@pytest.mark.parametrize(
    ("before", "changed", "treatment", "code", "field"),
    [
        ([], change("1"), "auto", "nothing_to_modify", "/before"),
        ([units("a", "1", "0", "1")] * 2, change("1"), "auto", "duplicate_obligation", "/before"),
        ([units("a", "1", "0", "1")], change("1", a="1"), "auto", "duplicate_obligation", "/change/add"),
        ([units("a", "1", "0", "1")], change("1", "a", "a"), "auto", "duplicate_obligation", "/change/remove"),
        ([units("a", "1", "0", "1")], change("1", "b"), "auto", "unknown_obligation", "/change/remove"),
        ([work("a", "2", "1", "1")], change("1"), "auto", "progress_needed", "/before"),
        ([units("a", "2", "1", "1")], change("1"), "catch_up", "progress_needed", "/before"),
        ([units("a", "2", "1", "1")], change("1"), "separate", "not_separate", "/treatment"),
        ([units("a", "2", "1", "1")], change("1", "a", b="1"), "separate", "not_separate", "/treatment"),
        ([work("a", "2", "1", "1", "0.5")], change("1", b="2"), "catch_up", "not_catch_up", "/treatment"),
    ],
)
def test_figures_that_do_not_fit_are_refused(
    before: list[Promise], changed: Modification, treatment: Treatment, code: str, field: str
) -> None:
    with pytest.raises(ModificationRefused) as refused:
        modify(before, changed, treatment, currency="USD")
    assert (refused.value.code, refused.value.field) == (code, field)
    assert isinstance(refused.value, DomainError)


@pytest.mark.parametrize(
    ("progress", "share"),
    [
        ("0.512", Fraction(64, 125)),
        ([420, 820], Fraction(21, 41)),
        (["4.2", "8.2"], Fraction(21, 41)),
        (1, Fraction(1)),
    ],
)
def test_progress_is_a_decimal_or_what_is_done_of_the_whole(progress: object, share: Fraction) -> None:
    promise = Promise.model_validate({**units("a", "1", "0", "1").model_dump(), "progress": progress})
    assert promise.progress == share
    assert Promise.model_validate_json(promise.model_dump_json()) == promise


@pytest.mark.parametrize(
    ("progress", "why"),
    [
        ("1.01", "less than or equal to 1"),
        ([5, 4], "less than or equal to 1"),
        ("-0.1", "greater than or equal to 0"),
        ([1, 0], "the whole must be above 0"),
        ([1, 2, 3], "what is done and the whole"),
        (0.5, "a float is not exact"),
        ("half", "expected a decimal"),
    ],
)
def test_progress_lies_between_nothing_and_all(progress: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Promise.model_validate({**units("a", "1", "0", "1").model_dump(), "progress": progress})


@st.composite
def promises(draw: st.DrawFn) -> list[Promise]:
    count = draw(st.integers(1, 5))
    return [
        Promise(
            id=f"p{index}",
            allocated=draw(AMOUNTS),
            recognized=draw(AMOUNTS),
            remaining_ssp=draw(SSPS),
            over_time=draw(st.booleans()),
            progress=draw(st.fractions(0, 1)),
        )
        for index in range(count)
    ]


@given(st.data(), promises(), AMOUNTS, st.lists(SSPS, max_size=3), st.sampled_from(["auto", *get_args(Treatment)]))
def test_no_unit_of_what_was_agreed_is_lost(
    data: st.DataObject, before: list[Promise], price: Decimal, ssps: list[Decimal], treatment: Any
) -> None:
    """Allocated and price are recognised, revenue of now and remaining, whatever the treatment."""
    added = tuple(Addition(id=f"n{index}", ssp=ssp) for index, ssp in enumerate(ssps))
    gone = data.draw(st.lists(st.sampled_from([promise.id for promise in before]), unique=True))
    if (treatment == "separate" and not added) or (treatment == "catch_up" and added):
        treatment = "auto"
    changed = Modification(price=price, add=added, remove=() if treatment == "separate" else tuple(gone))
    modified = modify(before, changed, treatment, currency="USD")
    agreed = sum(int(promise.allocated * 100) for promise in before) + int(price * 100)
    recognized = sum(int(promise.recognized * 100) for promise in before)
    assert agreed == recognized + modified.revenue_now_minor + sum(modified.remaining.values())
    assert not set(changed.remove) & set(modified.remaining)
    assert {one.id for one in added} <= set(modified.remaining)


@given(promises(), AMOUNTS)
def test_what_is_caught_up_has_earned_its_progress(before: list[Promise], price: Decimal) -> None:
    modified = modify(before, Modification(price=price), "mixed", currency="USD")
    for promise in before:
        if promise.id in modified.caught_up and promise.progress is not None:
            earned = int(promise.recognized * 100) + modified.caught_up[promise.id]
            whole = earned + modified.remaining[promise.id]
            assert abs(earned - whole * promise.progress) <= Fraction(1, 2)
