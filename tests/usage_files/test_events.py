"""What cells become on an event, and what of them is refused."""

import json
from decimal import Decimal
from typing import Any

import pytest

from usage_files.asked import Unmappable
from usage_files.batches import Batches
from usage_files.events import event_line
from usage_files.mapping import Asked, mapped
from usage_files.rows import Row

BASE: dict[str, object] = {"id": "a", "customer": "UA", "event": "departure", "at": "2013-01-15T12:00:00Z"}


def line(asked: Asked, **cells: object) -> str:
    """The event of a row of a table with these columns."""
    row = {**BASE, **cells}
    found = event_line(Row(1, {name: cell for name, cell in row.items() if cell is not None}), mapped(asked, list(row)))
    return found.decode()


def properties(*options: str, **cells: object) -> Any:
    return json.loads(line(Asked(properties=options), **cells), parse_float=Decimal).get("properties")


@pytest.mark.parametrize(
    ("option", "cell", "found"),
    [
        ("x", "149", "149"),
        ("x:number", "149", 149),
        ("x:number", " -12.50 ", Decimal("-12.50")),
        ("x:number", "1e-05", Decimal("0.00001")),
        ("x:boolean", "TRUE", True),
        ("x:text", 149, "149"),
        ("x:text", Decimal("1E+2"), "100"),
        ("x:text", True, "true"),
        ("x", True, True),
        ("y=x", "a", None),
        ("*", "a", "a"),
    ],
)
def test_a_property_is_what_was_asked_for(option: str, cell: object, found: object) -> None:
    assert (properties(option, x=cell) or {}).get("x") == found


def test_a_property_may_have_another_name_and_a_column_with_a_colon() -> None:
    assert properties("y=x:y:number", **{"x:y": "1"}) == {"y": 1}


@pytest.mark.parametrize(
    ("option", "cell"),
    [
        ("x:number", "1_000"),
        ("x:number", "1,5"),
        ("x:number", "Infinity"),
        ("x:number", "１２"),
        ("x:number", True),
        ("x:boolean", "1"),
        ("x:boolean", 1),
        ("x", [1]),
        ("x", {"a": 1}),
        ("x", "\udcff"),
    ],
)
def test_a_property_that_cannot_be_is_refused(option: str, cell: object) -> None:
    with pytest.raises(Unmappable):
        properties(option, x=cell)


@pytest.mark.parametrize("cell", ['{"a": 0.10, "b": "x"}', {"a": Decimal("0.10"), "b": "x"}])
def test_a_cell_may_hold_all_properties(cell: object) -> None:
    found = properties("c=x", properties=cell, x="1")
    assert found == {"a": Decimal("0.10"), "b": "x", "c": "1"}
    assert str(found["a"]) == "0.10"


@pytest.mark.parametrize(
    "cell", ["{", "[1]", '{"a": NaN}', '{"a": 1e9999999999999999999}', '{"a": null}', '{"a": [1]}', 17]
)
def test_a_cell_that_holds_no_properties_is_refused(cell: object) -> None:
    with pytest.raises(Unmappable) as refusal:
        properties(properties=cell)
    assert refusal.value.pointer.startswith("/properties")


def test_numbers_keep_their_digits() -> None:
    assert '"value":0.1000000000000000055' in line(Asked(), value=Decimal("0.1000000000000000055"))
    assert '"value":18446744073709551616' in line(Asked(), value=2**64)
    assert '"value":12.50' in line(Asked(), value="12.50")


@pytest.mark.parametrize("cell", [True, "many", "", {"a": 1}])
def test_a_value_is_a_number(cell: object) -> None:
    with pytest.raises(Unmappable) as refusal:
        line(Asked(), value=cell)
    assert refusal.value.pointer == "/value"


def test_a_column_without_a_name_is_no_field() -> None:
    assert "value" not in json.loads(line(Asked(), **{"": 0}))


def test_a_column_that_is_called_like_a_field_gives_way_to_the_option() -> None:
    asked = Asked(constants={"contract": "con_1", "source": "ops"})
    found = json.loads(line(asked, contract="other", source="other"))
    assert (found["contract"], found["source"], "customer" in found) == ("con_1", "ops", False)


def test_an_event_that_is_too_long_is_refused() -> None:
    with pytest.raises(Unmappable, match="longer than 524288 bytes"):
        line(Asked(properties=["x"]), x="x" * 600_000)


def test_the_size_of_a_batch_is_bounded() -> None:
    """16 rows of 500,000 bytes and a little fit into 8 MiB, which are 8,388,608; the 17th does not."""
    rows = [Row(number, {**BASE, "id": str(number), "x": "x" * 500_000}) for number in range(1, 21)]
    batches = list(Batches(mapped(Asked(properties=["x"]), [*BASE, "x"]), 1_000).of(rows))
    assert [(len(batch.lines), batch.last) for batch in batches] == [(16, 16), (4, 20)]
    assert all(len(batch.body()) <= 8 * 1024 * 1024 for batch in batches)
