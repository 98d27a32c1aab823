import pytest

from domain.spelling import nearest, unknown


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("seats", "seats"),
        ("seat", "seats"),
        ("Seets", "seats"),
        ("setpu", "setup"),
        ("api-calls", "api_calls"),
        ("departures", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_the_one_with_the_fewest_keystrokes_between(name: str, found: str | None) -> None:
    assert nearest(name, ["setup", "seats", "api_calls"]) == found


def test_of_equally_near_names_the_first_is_taken() -> None:
    assert nearest("gate", ["gates", "gated"]) == "gates"
    assert nearest("gate", ["gated", "gates"]) == "gated"


def test_an_unknown_name_comes_with_the_nearest_or_with_all() -> None:
    assert unknown("line", "seat", ["setup", "seats"]) == "there is no line 'seat'; did you mean 'seats'?"
    assert unknown("line", "x", ["setup", "seats"]) == "there is no line 'x'; there are setup, seats"
    assert unknown("plan", "x", []) == "there is no plan 'x'; there is none at all"
