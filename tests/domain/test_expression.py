from decimal import Decimal

import pytest
from pydantic import ValidationError

from domain.expression import evaluate
from domain.expression_text import BadExpression, parse
from domain.filters import Property
from domain.line import Meter
from domain.money import UNROUNDED

PROPERTIES: dict[str, Property] = {
    "seats": 7,
    "rate": Decimal("0.25"),
    "input-tokens": 1_000,
    "gpu.hours": Decimal("1.5"),
    "min": 3,
    "nothing": 0,
    "huge": Decimal("9E59"),
    "tiny": Decimal("1E-30"),
    "origin": "EWR",
    "premium": True,
    "value": 99,
}


def found(text: str) -> str | None:
    """What it makes of an event whose own value is 12.5."""
    number = evaluate(parse(text), Decimal("12.5"), PROPERTIES)
    return None if number is None else f"{number.normalize(UNROUNDED):f}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seats", "7"),
        ("value", "12.5"),
        (" 1 + 2 * 3 ", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 4 - 3", "3"),
        ("100 / 10 / 5", "2"),
        ("2 * -seats", "-14"),
        ("--seats", "7"),
        ("-(seats + 1)", "-8"),
        ("seats-1", "6"),
        ('"input-tokens" / 1000 + gpu.hours', "2.5"),
        ("min * 2", "6"),
        ("min(min, seats, 5)", "3"),
        ("max(seats, value)", "12.5"),
        ("max(seats)", "7"),
        ("ceil(value / 5)", "3"),
        ("floor(-value)", "-13"),
        ("ceil(-value)", "-12"),
        ("abs(3 - seats)", "4"),
        ("round(value)", "13"),
        ("round(-value, 0)", "-13"),
        ("round(rate, 1)", "0.3"),
        ("round(1250, -2)", "1300"),
        ("seats * rate", "1.75"),
    ],
)
def test_an_expression_is_computed_as_it_is_written(text: str, expected: str) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 / 3", "0." + "6" * 59 + "7"),
        ("-2 / 3", "-0." + "6" * 59 + "7"),
        ("1 / 3 * 3", "0." + "9" * 60),
        ("tiny * tiny", "0." + "0" * 59 + "1"),
        # Half of the sixtieth decimal goes away from zero, less than half is nothing.
        ("tiny * tiny / 2", "0." + "0" * 59 + "1"),
        ("-tiny * tiny / 2", "-0." + "0" * 59 + "1"),
        ("tiny * tiny * 0.499999999999", "0"),
    ],
)
def test_each_step_is_held_to_sixty_decimals_half_away_from_zero(text: str, expected: str) -> None:
    assert found(text) == expected


def test_a_result_has_no_zeros_at_the_end() -> None:
    """1.75 x 4 and 1.75 x 2, as they will stand on an invoice."""
    results = [evaluate(parse(f"seats * rate * {factor}"), None, PROPERTIES) for factor in (4, 2)]
    assert [str(result) for result in results] == ["7", "3.5"]


@pytest.mark.parametrize(
    "text",
    [
        "missing",
        "missing * 0",
        "min(seats, missing)",
        "max(missing, seats)",
        "origin",
        "premium",
        "seats / nothing",
        "0 / 0",
        "1 / (seats - 7)",
        "max(1, seats / nothing)",
        "huge + huge",
        "huge * huge * 0",
        "-huge - huge",
    ],
)
def test_what_cannot_be_computed_is_nothing_to_read(text: str) -> None:
    assert found(text) is None


def test_an_event_without_a_value_of_its_own_has_nothing_to_read() -> None:
    """Not even where a property is called "value"."""
    assert evaluate(parse("value + 1"), None, {"value": 9}) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "column 1: expected a number, a name or '(', but the expression ends"),
        ("  ", "column 3: expected a number, a name or '(', but the expression ends"),
        ("a +", "column 4: expected a number, a name or '(', but the expression ends"),
        ("a + * b", "column 5: expected a number, a name or '(', but '*' stands there"),
        ("(a + b", "column 7: expected ')', but the expression ends"),
        ("a b", "column 3: expected an operator, but 'b' stands there"),
        ("2a", "column 2: expected an operator, but 'a' stands there"),
        ("a)", "column 2: expected an operator, but ')' stands there"),
        ("a ** b", "column 4: expected a number, a name or '(', but '*' stands there"),
        ("1e5", "column 2: expected an operator, but 'e5' stands there"),
        ("a; b", "column 2: ';' is no part of an expression"),
        ("a + 'b'", 'column 5: "\'" is no part of an expression'),
        ("__import__", "column 1: '_' is no part of an expression"),
        ("٣", "column 1: '٣' is no part of an expression"),
        ('"a b"', "column 1: '\"' is no part of an expression"),
        ("2 + sqrt(a)", "column 5: there is no function 'sqrt'; known are min, max, ceil, floor, round, abs"),
        ("min()", "column 5: expected a number, a name or '(', but ')' stands there"),
        ("abs(a, b)", "column 6: expected ')', but ',' stands there"),
        ("round(a, b)", "column 10: expected a whole number from -18 to 18, but 'b' stands there"),
        ("round(a, 1.5)", "column 10: expected a whole number from -18 to 18, but '1.5' stands there"),
        ("round(a, 19)", "column 10: expected a whole number from -18 to 18, but '19' stands there"),
        ("round(a, 1, 2)", "column 11: expected ')', but ',' stands there"),
        ("a + 1000000000000000000", "column 5: a number has at most 18 digits before the point and 12 after it"),
        ("0.1234567890123", "column 1: a number has at most 18 digits before the point and 12 after it"),
        ("a" * 65, "column 1: a name has at most 64 characters"),
        ("1" + "+1" * 65, "column 130: an expression has at most 64 operators, commas and brackets"),
        ("(" * 400, "column 65: an expression has at most 64 operators, commas and brackets"),
        ("-" * 400, "column 65: an expression has at most 64 operators, commas and brackets"),
        ("a" * 501, "column 501: an expression has at most 500 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_column(text: str, expected: str) -> None:
    with pytest.raises(BadExpression) as error:
        parse(text)
    assert str(error.value) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"aggregate": "sum", "expression": "a +"}, "expression\n  Value error, column 4: expected a number"),
        ({"aggregate": "count", "expression": "a"}, "meter m: expression: count reads no value; drop one of the two"),
        ({"aggregate": "sum", "expression": "a", "reads": "b"}, "meter m: expression: it stands in place of reads"),
    ],
)
def test_a_meter_refuses_an_expression_that_it_cannot_use(stated: dict[str, str], expected: str) -> None:
    with pytest.raises(ValidationError) as error:
        Meter.model_validate({"id": "m", **stated})
    assert expected in str(error.value)


def test_a_meter_with_an_expression_is_stored_and_read_again() -> None:
    meter = Meter.model_validate({"id": "m", "aggregate": "sum", "expression": "seats * 2"})
    assert Meter.model_validate(meter.model_dump()) == meter
    assert Meter.model_validate_json(meter.model_dump_json()) == meter
