"""What the airports and the airlines agreed on, as plain figures of US dollars.

The contracts are made of them, and so is the independent computation that checks what came of the contracts.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final

ZONE: Final = "America/New_York"
STARTS_ON: Final = date(2013, 1, 1)
ENDS_ON: Final = date(2014, 1, 1)

GATE: Final = Decimal("38000.00")
GATES: Final[Mapping[str, int]] = MappingProxyType(
    {
        **{"9E": 8, "AA": 14, "AS": 1, "B6": 24, "DL": 20, "EV": 22, "F9": 1, "FL": 2},
        **{"HA": 1, "MQ": 11, "OO": 1, "UA": 26, "US": 9, "VX": 3, "WN": 6, "YV": 1},
    }
)

DEPARTURE: Final[Mapping[str, Decimal]] = MappingProxyType(
    {"EWR": Decimal("612.00"), "JFK": Decimal("703.50"), "LGA": Decimal("655.25")}
)
DEPARTURES_MINIMUM: Final = Decimal("5000.00")

SEATS_FIRST_TIER: Final = 250_000
SEAT: Final = Decimal("4.50")
SEAT_ABOVE: Final = Decimal("4.10")

MILES_PACKAGE: Final = 10_000
PACKAGE: Final = Decimal("125.00")

# The events of the year.
MORE_GATES: Final = ("B6", date(2013, 6, 16), 28)
CARD_DECLINES: Final = ("UA", date(2013, 3, 1), date(2013, 3, 5))
CANCELS: Final = ("YV", date(2013, 9, 16))
CANCELLED_FROM: Final = date(2013, 10, 1)
WORKER_KILLED_FROM: Final = date(2013, 8, 1)
