"""The terms of an airline's contract, in the form the API takes."""

from typing import Any

from demo import agreed

EVENT = "departure"


def terms(carrier: str) -> dict[str, Any]:
    """The contract of one airline: gates in advance, everything else as it was used."""
    return {
        "currency": "USD",
        "timezone": agreed.ZONE,
        "start": str(agreed.STARTS_ON),
        "term": {"months": 12, "renew": "none"},
        "payment_terms_days": 0,
        "meters": [
            {"id": "departures", "event": EVENT, "aggregate": "count"},
            {"id": "seats", "event": EVENT, "aggregate": "sum", "reads": "seats"},
            {"id": "miles", "event": EVENT, "aggregate": "sum", "reads": "miles"},
        ],
        "lines": [_gates(agreed.GATES[carrier]), *_metered()],
    }


def _gates(number: int) -> dict[str, Any]:
    price = {"model": "per_unit", "amount": str(agreed.GATE)}
    return {
        "id": "gates",
        "description": "Gates",
        "price": price,
        "quantity": str(number),
        "every": "month",
        "bill": "advance",
    }


def _metered() -> list[dict[str, Any]]:
    cells = [{"when": {"origin": origin}, "unit": str(price)} for origin, price in agreed.DEPARTURE.items()]
    tiers = [
        {"up_to": str(agreed.SEATS_FIRST_TIER), "unit": str(agreed.SEAT)},
        {"up_to": None, "unit": str(agreed.SEAT_ABOVE)},
    ]
    prices = {
        "departures": {"model": "matrix", "cells": cells, "minimum": str(agreed.DEPARTURES_MINIMUM)},
        "seats": {"model": "graduated", "tiers": tiers},
        "miles": {"model": "package", "size": str(agreed.MILES_PACKAGE), "amount": str(agreed.PACKAGE)},
    }
    texts = {"departures": "Departures by airport", "seats": "Seats flown", "miles": "Miles flown"}
    return [
        {
            "id": line,
            "description": texts[line],
            "price": price,
            "meter": line,
            "every": "month",
            "bill": "arrears",
        }
        for line, price in prices.items()
    ]
