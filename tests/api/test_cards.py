import json

import pytest

from api.cards import holds_card_number, may_hold_card_number

CARDS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "30569309025904",
    "3056 930902 5904",
    "6011111111111117",
    "3566002020360505",
    "6205500000000000004",
    "4222222222222",
    "card: 4242424242424242.",
    "evt4242424242424242x",
    "cus_d00571ffa8c157888466206439ecfbc 4242424242424242",
    "cus_4242424242424242",
]
OTHERS = [
    "4242424242424241",
    "1388534400000",
    "1388534400000000",
    "1388534400000000000",
    "2013-01-01 05:17:00",
    "4401-2013-01-01-0517",
    "42424242424242424242",
    "DE89370400440532013000",
    "pm_card_visa",
    "",
    # Ids with digits in a row that pass the check: 157888466206439, 4242424242424242.
    "/v1/customers/cus_d00571ffa8c157888466206439ecfbce/payment-methods",
    "con_a4242424242424242aaaaaaaaaaaaaaa",
    "amd_d00571ffa8c157888466206439ecfbce.0000000a-4242-4242-4242-4242aaaaaaaa",
]


@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_found_however_it_is_written(text: str) -> None:
    assert holds_card_number(text)
    assert may_hold_card_number(json.dumps([{"id": text}]).encode())


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_pass(text: str) -> None:
    assert not holds_card_number(text)


def test_escaped_digits_do_not_escape_the_first_look() -> None:
    assert may_hold_card_number(b'["\\u0034242424242424242"]')


def test_an_ordinary_usage_event_needs_no_second_look() -> None:
    event = {"id": "N14228-2013-01-01T05:17", "customer": "airline-UA", "at": "2013-01-01T05:17:00.000000-05:00"}
    assert not may_hold_card_number(json.dumps([event]).encode())
