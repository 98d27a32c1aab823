"""Form-encoded bodies with nested keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.stripe.errors import StripeError
from sandbox.stripe.forms import nested, parse_pairs


def test_brackets_nest_and_numbers_make_lists() -> None:
    raw = b"amount=100&card[number]=42&expand[0]=a&expand[1]=b&types[]=x&metadata[k][]=v&note=a%20%26+b&empty="
    assert nested(parse_pairs(raw)) == {
        "amount": "100",
        "card": {"number": "42"},
        "expand": ["a", "b"],
        "types": ["x"],
        "metadata": {"k": {"0": "v"}},
        "note": "a & b",
        "empty": "",
    }


def test_list_items_keep_the_order_of_their_numbers() -> None:
    raw = "&".join(f"n[{number}]={number}" for number in (10, 2, 1, 0, 9)).encode()
    assert nested(parse_pairs(raw)) == {"n": ["0", "1", "2", "9", "10"]}


@pytest.mark.parametrize("raw", [b"a=1&a[b]=2", b"a[b]=1&a[b][c]=2", b"\xff=1"])
def test_what_contradicts_itself_or_is_not_text_is_refused(raw: bytes) -> None:
    with pytest.raises(StripeError):
        nested(parse_pairs(raw))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_but_never_break_the_reader(raw: bytes) -> None:
    try:
        result = nested(parse_pairs(raw))
    except StripeError:
        return
    assert isinstance(result, dict)
