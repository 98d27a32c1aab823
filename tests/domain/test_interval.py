import json
from fractions import Fraction
from typing import Annotated, Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from domain.interval import Every, Interval, Length, interval, months_in, stated_as

EVERY: TypeAdapter[Every] = TypeAdapter(Every)
FREQUENCY: TypeAdapter[Any] = TypeAdapter(Annotated[Every | Literal["once"], stated_as("month, once")])


def errors(adapter: TypeAdapter[Any], given: object) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(given)
    return [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("stated", "months", "days"),
    [
        ("day", 0, 1),
        ("week", 0, 7),
        ("month", 1, 0),
        ("quarter", 3, 0),
        ("year", 12, 0),
        ({"months": 6}, 6, 0),
        ({"months": 1200}, 1200, 0),
        ({"quarters": 2}, 6, 0),
        ({"years": 100}, 1200, 0),
        ({"weeks": 2}, 0, 14),
        ({"weeks": 522}, 0, 3654),
        ({"days": 10}, 0, 10),
        ({"days": 3660}, 0, 3660),
    ],
)
def test_a_length_is_months_or_days_and_stays_as_it_was_stated(stated: object, months: int, days: int) -> None:
    every = EVERY.validate_python(stated)
    assert interval(every) == Interval(months=months, days=days)
    assert json.loads(EVERY.dump_json(every)) == stated
    assert EVERY.dump_python(every) == stated
    assert EVERY.validate_json(json.dumps(stated)) == every
    assert hash(every) == hash(EVERY.validate_python(stated))


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"months": 0}, "months: Input should be greater than or equal to 1"),
        ({"weeks": -1}, "weeks: Input should be greater than or equal to 1"),
        ({"months": 1201}, "months: Input should be less than or equal to 1200"),
        ({"quarters": 401}, "quarters: Input should be less than or equal to 400"),
        ({"years": 101}, "years: Input should be less than or equal to 100"),
        ({"weeks": 523}, "weeks: Input should be less than or equal to 522"),
        ({"days": 3661}, "days: Input should be less than or equal to 3660"),
        ({"months": "6"}, "months: Input should be a valid integer"),
        ({"months": True}, "months: Input should be a valid integer"),
        ({"months": 1.5}, "months: Input should be a valid integer"),
        ({"months": None}, "months: Input should be a valid integer"),
        ({"hours": 1}, "hours: Extra inputs are not permitted"),
        ({"months": 1, "hours": 1}, "hours: Extra inputs are not permitted"),
        ({}, ": Value error, give exactly one of days, weeks, months, quarters, years"),
        ({"months": 1, "days": 1}, ": Value error, give exactly one of days, weeks, months, quarters, years"),
        ("fortnight", ": Value error, expected day, week, month, quarter, year or a length such as {months: 6}"),
        ("once", ": Value error, expected day, week, month, quarter, year or a length such as {months: 6}"),
        (6, ": Value error, expected day, week, month, quarter, year or a length such as {months: 6}"),
        (None, ": Value error, expected day, week, month, quarter, year or a length such as {months: 6}"),
        (["month"], ": Value error, expected day, week, month, quarter, year or a length such as {months: 6}"),
    ],
)
def test_what_is_no_length_is_refused_with_one_error(stated: object, why: str) -> None:
    [error] = errors(EVERY, stated)
    assert error == why


def test_a_wider_choice_gives_one_error_too() -> None:
    assert FREQUENCY.validate_python("once") == "once"
    assert FREQUENCY.validate_python({"months": 6}) == Length(months=6)
    assert errors(FREQUENCY, "twice") == [": Value error, expected month, once or a length such as {months: 6}"]
    assert errors(FREQUENCY, {"months": 0}) == ["months: Input should be greater than or equal to 1"]


def test_a_length_never_changes() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Length(months=6).months = 7  # type: ignore[misc]


@pytest.mark.parametrize(("length", "text"), [(Length(months=6), "6 months"), (Length(weeks=1), "week")])
def test_a_length_reads_as_people_say_it(length: Length, text: str) -> None:
    assert f"every {length}" == f"every {text}"


@pytest.mark.parametrize(
    ("every", "months"),
    [
        ("day", Fraction(12, 365)),
        ("week", Fraction(3, 13)),
        ("month", Fraction(1)),
        ("quarter", Fraction(3)),
        ("year", Fraction(12)),
        (Length(days=10), Fraction(24, 73)),
        (Length(weeks=2), Fraction(6, 13)),
        (Length(months=6), Fraction(6)),
        (Length(quarters=2), Fraction(6)),
        (Length(years=3), Fraction(36)),
    ],
)
def test_a_length_is_so_many_months_of_a_recurring_price(every: Every, months: Fraction) -> None:
    """12 months are 52 weeks and 365 days: 120.00 every two weeks recur with 120 x 13 / 6 = 260.00 a month."""
    assert months_in(every) == months


def test_the_schema_says_what_a_length_may_be() -> None:
    schema = EVERY.json_schema()
    length = schema["$defs"]["Length"]
    assert length["properties"]["months"] == {"maximum": 1200, "minimum": 1, "title": "Months", "type": "integer"}
    assert (length["minProperties"], length["maxProperties"], length["additionalProperties"]) == (1, 1, False)
    assert schema["anyOf"][0]["enum"] == ["day", "week", "month", "quarter", "year"]
