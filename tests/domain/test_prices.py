import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.prices import Flat, Graduated, Matrix, Percentage, Price

PRICE: TypeAdapter[Price] = TypeAdapter(Price)


def errors(stated: object) -> list[tuple[str, str]]:
    """Where and why `stated` is refused as a price."""
    with pytest.raises(ValidationError) as refused:
        PRICE.validate_python(stated)
    return [(".".join(map(str, error["loc"])), error["msg"]) for error in refused.value.errors()]


def test_a_price_is_told_apart_by_its_model() -> None:
    assert PRICE.validate_python({"model": "flat", "amount": "49.00"}) == Flat(model="flat", amount=Decimal("49.00"))
    assert isinstance(PRICE.validate_python({"model": "graduated", "tiers": [{"up_to": None, "unit": 1}]}), Graduated)
    assert "does not match any of the expected tags" in errors({"model": "free"})[0][1]


@pytest.mark.parametrize("amount", ["12.30", "-10.275", "0", "0.000015", "0.000000000001", 7, Decimal("1E+3")])
def test_an_exact_number_survives_the_way_through_json(amount: object) -> None:
    price = PRICE.validate_python({"model": "per_unit", "amount": amount})
    assert PRICE.validate_json(PRICE.dump_json(price)) == price


@pytest.mark.parametrize(
    "amount",
    [True, None, "", "1,000.00", "1e3", "NaN", "Infinity", " 1", "1_000", "٣", Decimal("NaN"), Decimal("1E+99")],
)
def test_what_is_no_plain_decimal_is_refused(amount: object) -> None:
    [(path, message)] = errors({"model": "flat", "amount": amount})
    assert path == "flat.amount"
    assert 'expected a decimal number as a string, such as "12.30"' in message


def test_a_float_is_refused_and_told_what_to_write() -> None:
    [(path, message)] = errors({"model": "flat", "amount": 1.5})
    assert path == "flat.amount"
    assert "a float is not exact; write the number as a string" in message
    with pytest.raises(ValidationError, match="a float is not exact"):
        PRICE.validate_json('{"model": "flat", "amount": 1.5}')


@pytest.mark.parametrize(
    ("amount", "reason"), [("0.0000000000001", "no more than 12 decimal places"), ("1" + "0" * 18, "18 digits before")]
)
def test_a_number_has_at_most_18_digits_and_12_decimals(amount: str, reason: str) -> None:
    assert reason in errors({"model": "flat", "amount": amount})[0][1]


@pytest.mark.parametrize(
    ("stated", "path", "reason"),
    [
        ({"model": "flat", "amount": "1", "colour": "red"}, "flat.colour", "Extra inputs"),
        ({"model": "flat"}, "flat.amount", "Field required"),
        ({"model": "package", "size": "0", "amount": "1"}, "package.size", "greater than 0"),
        ({"model": "package", "size": "10", "amount": "-1"}, "package.amount", "greater than or equal to 0"),
        ({"model": "per_unit", "amount": "1", "included": "-1"}, "per_unit.included", "greater than or equal to 0"),
        (
            {"model": "per_unit", "amount": "1", "minimum": "5", "maximum": "4"},
            "per_unit.maximum",
            "minimum 5 is above maximum 4",
        ),
        ({"model": "graduated", "tiers": []}, "graduated.tiers", "at least 1 entry"),
        ({"model": "graduated", "tiers": [{"up_to": 1, "unit": "-1"}]}, "graduated.tiers.0.unit", "or equal to 0"),
        ({"model": "graduated", "tiers": [{"unit": "1"}]}, "graduated.tiers.0.up_to", "Field required"),
        ({"model": "stairstep", "tiers": [{"up_to": 1, "unit": "1", "flat": "1"}]}, "stairstep.tiers.0.unit", "Extra"),
        ({"model": "matrix", "cells": []}, "matrix.cells", "at least 1 entry"),
        ({"model": "matrix", "cells": [{"when": {}, "unit": "1"}]}, "matrix.cells.0.when", "at least 1 entry"),
        ({"model": "matrix", "cells": [{"when": {"a": 1}, "unit": "1"}]}, "matrix.cells.0.when.a", "valid string"),
        ({"model": "percentage"}, "percentage.rate", "Field required"),
        ({"model": "percentage", "rate": "-1"}, "percentage.rate", "greater than or equal to 0"),
        ({"model": "percentage", "rate": "1000.01"}, "percentage.rate", "less than or equal to 1000"),
        ({"model": "percentage", "rate": "1", "fixed": "-1"}, "percentage.fixed", "greater than or equal to 0"),
        ({"model": "percentage", "rate": "1", "free_events": -1}, "percentage.free_events", "greater than or equal"),
        (
            {"model": "percentage", "rate": "1", "free_events": "1.5"},
            "percentage.free_events",
            "a whole number, not 1.5",
        ),
        ({"model": "percentage", "rate": "1", "free_amount": 0.5}, "percentage.free_amount", "a float is not exact"),
        (
            {"model": "percentage", "rate": "1", "min_per_event": "2", "max_per_event": "1.75"},
            "percentage.max_per_event",
            "min_per_event 2 is above max_per_event 1.75",
        ),
        ({"model": "graduated_percentage", "tiers": []}, "graduated_percentage.tiers", "at least 1 entry"),
        (
            {"model": "graduated_percentage", "tiers": [{"up_to": None, "unit": "1", "rate": "1"}]},
            "graduated_percentage.tiers.0.unit",
            "Extra inputs",
        ),
        (
            {"model": "graduated_percentage", "tiers": [{"up_to": None, "rate": "1001"}]},
            "graduated_percentage.tiers.0.rate",
            "less than or equal to 1000",
        ),
        ({"model": "dynamic", "amount": "1"}, "dynamic.amount", "Extra inputs"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused_at_its_field(stated: object, path: str, reason: str) -> None:
    [(found, message)] = errors(stated)
    assert found == path
    assert reason in message


@pytest.mark.parametrize("model", ["graduated", "volume", "stairstep", "graduated_percentage"])
@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ([10, 10], "tiers[1].up_to: 10 is not above 10"),
        ([10, 20, 15], "tiers[2].up_to: 15 is not above 20"),
        ([None, 10], "tiers[0].up_to: only the last tier may have no end"),
        ([None, None], "tiers[0].up_to: only the last tier may have no end"),
    ],
)
def test_tiers_ascend(model: str, ends: list[int | None], message: str) -> None:
    stated = {"stairstep": "flat", "graduated_percentage": "rate"}.get(model, "unit")
    [(path, found)] = errors({"model": model, "tiers": [{"up_to": end, stated: "1"} for end in ends]})
    assert path == f"{model}.tiers"
    assert message in found


def test_the_json_schema_asks_for_text_or_integers_and_never_for_floats() -> None:
    definitions = PRICE.json_schema()["$defs"]
    assert definitions["Package"]["properties"]["size"]["anyOf"] == [
        {"type": "string", "pattern": r"^[0-9]{1,18}(\.[0-9]{1,12})?$", "examples": ["12.30"]},
        {"type": "integer", "exclusiveMinimum": 0},
    ]
    assert '"number"' not in json.dumps(definitions)


def test_a_price_does_not_change() -> None:
    price = Flat(model="flat", amount=Decimal(1))
    with pytest.raises(ValidationError, match="frozen"):
        price.amount = Decimal(2)  # type: ignore[misc] # what mypy refuses must also fail when it runs


def test_a_matrix_is_read_from_json_as_it_is_written() -> None:
    text = '{"model": "matrix", "cells": [{"when": {"origin": "EWR"}, "unit": "612.00"}], "minimum": "5000.00"}'
    price = PRICE.validate_json(text)
    assert isinstance(price, Matrix)
    assert price.cells[0].when == {"origin": "EWR"}
    assert price.minimum == 5000
    assert price.otherwise is None


def test_a_count_is_a_whole_number_however_it_is_written() -> None:
    for stated in (3, "3", "3.0"):
        price = PRICE.validate_python({"model": "percentage", "rate": "2.9", "free_events": stated})
        assert isinstance(price, Percentage)
        assert price.free_events == 3
        assert PRICE.validate_json(PRICE.dump_json(price)) == price


def test_a_rate_says_what_one_unit_costs() -> None:
    """A percentage is never rounded: 0.0000000001 % is 0.000000000001 of each unit."""
    price = PRICE.validate_python({"model": "percentage", "rate": "0.0000000001"})
    assert isinstance(price, Percentage)
    assert price.unit == Decimal("0.000000000001")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**17), max_value=10**17))
def test_any_decimal_in_bounds_is_kept_exactly(amount: Decimal) -> None:
    price = PRICE.validate_json(PRICE.dump_json(Flat(model="flat", amount=amount)))
    assert isinstance(price, Flat)
    assert price.amount == amount
