"""The computation that checks the demo, itself checked by hand on a handful of departures."""

import gzip
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from demo.departures import DEPARTURES
from demo.independent import Expected, expect, total

# (departed_at, carrier, origin, miles, seats)
Row = tuple[str, str, str, int, str]

ALASKA: Sequence[Row] = (
    ("2013-01-05T12:00:00Z", "AS", "EWR", 2402, "157"),
    ("2013-01-06T12:00:00Z", "AS", "EWR", 2402, ""),
    # One second before midnight in New York.
    ("2013-02-01T04:59:59Z", "AS", "EWR", 5196, ""),
    ("2013-02-01T05:00:00Z", "AS", "EWR", 10001, "100"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def computed(folder: Path, rows: Sequence[Row]) -> Expected:
    lines = ["id,departed_at,carrier,origin,dest,miles,seats"]
    for number, (at, carrier, origin, miles, seats) in enumerate(rows):
        lines.append(f"{number},{at},{carrier},{origin},XXX,{miles},{seats}")
    file = folder / "departures.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    return expect(file)


def lines(found: Expected, carrier: str, on: date) -> dict[str, str]:
    return {line.line: f"{line.amount:.2f}" for line in found.invoices[carrier, on]}


def test_the_first_invoice_holds_gates_alone(folder: Path) -> None:
    assert lines(computed(folder, ALASKA), "AS", date(2013, 1, 1)) == {"gates": "38000.00"}


def test_a_month_is_billed_on_the_first_of_the_next(folder: Path) -> None:
    """3 x 612.00 is below the minimum; 157 seats at 4.50; exactly 10,000 miles are one package."""
    found = computed(folder, ALASKA)
    february = {"gates": "38000.00", "departures": "5000.00", "seats": "706.50", "miles": "125.00"}
    assert lines(found, "AS", date(2013, 2, 1)) == february
    assert total(found.invoices["AS", date(2013, 2, 1)]) == Decimal("43831.50")


def test_local_midnight_begins_the_next_month(folder: Path) -> None:
    """The last departure alone: 100 seats at 4.50, 10,001 miles begin a second package."""
    march = {"gates": "38000.00", "departures": "5000.00", "seats": "450.00", "miles": "250.00"}
    assert lines(computed(folder, ALASKA), "AS", date(2013, 3, 1)) == march


def test_summer_time_moves_midnight(folder: Path) -> None:
    rows = [("2013-07-01T03:59:59Z", "HA", "JFK", 1, ""), ("2013-07-01T04:00:00Z", "HA", "JFK", 10001, "")]
    found = computed(folder, rows)
    assert lines(found, "HA", date(2013, 7, 1))["miles"] == "125.00"
    assert lines(found, "HA", date(2013, 8, 1))["miles"] == "250.00"


def test_seats_above_the_first_tier_cost_less(folder: Path) -> None:
    """250,000 x 4.50 + 1 x 4.10."""
    rows = [("2013-05-01T12:00:00Z", "DL", "LGA", 1, "249999"), ("2013-05-02T12:00:00Z", "DL", "LGA", 1, "2")]
    assert lines(computed(folder, rows), "DL", date(2013, 6, 1))["seats"] == "1125004.10"


def test_departures_cost_by_airport_once_they_exceed_the_minimum(folder: Path) -> None:
    """6 x 703.50 + 612.00 + 655.25."""
    rows = [("2013-05-01T12:00:00Z", "VX", origin, 1, "") for origin in ("JFK",) * 6 + ("EWR", "LGA")]
    assert lines(computed(folder, rows), "VX", date(2013, 6, 1))["departures"] == "5488.25"


def test_a_month_without_departures_costs_gates_and_the_minimum(folder: Path) -> None:
    assert lines(computed(folder, []), "OO", date(2013, 4, 1)) == {"gates": "38000.00", "departures": "5000.00"}


def test_four_more_gates_cost_half_of_june(folder: Path) -> None:
    """16 to 30 June are 15 of 30 days: 24 gates back for 456,000.00, 28 charged at 532,000.00."""
    found = computed(folder, [])
    back, charged = found.invoices["B6", date(2013, 6, 16)]
    assert (back.amount, back.quantity) == (Decimal("-456000.00"), Decimal(24))
    assert (charged.amount, charged.quantity) == (Decimal("532000.00"), Decimal(28))
    assert lines(found, "B6", date(2013, 6, 1))["gates"] == "912000.00"
    assert lines(found, "B6", date(2013, 7, 1))["gates"] == "1064000.00"


def test_the_last_invoice_of_the_term_holds_december_alone(folder: Path) -> None:
    rows = [("2014-01-01T04:59:59Z", "UA", "EWR", 500, ""), ("2014-01-01T05:00:00Z", "UA", "EWR", 500, "")]
    found = computed(folder, rows)
    assert lines(found, "UA", date(2014, 1, 1)) == {"departures": "5000.00", "miles": "125.00"}
    assert found.unmatched == {"UA": 1}


def test_a_cancelled_contract_takes_nothing_from_october(folder: Path) -> None:
    rows = [("2013-10-01T03:59:59Z", "YV", "LGA", 500, ""), ("2013-10-01T04:00:00Z", "YV", "LGA", 500, "")]
    found = computed(folder, rows)
    assert max(on for carrier, on in found.invoices if carrier == "YV") == date(2013, 10, 1)
    assert lines(found, "YV", date(2013, 10, 1)) == {"departures": "5000.00", "miles": "125.00"}
    assert found.unmatched == {"YV": 1}


def test_revenue_counts_gates_and_usage_in_their_own_month(folder: Path) -> None:
    """150 gates and 16 minimums; in June B6's change, from July its 4 gates, from October no YV: 43,000.00 less."""
    found = computed(folder, ALASKA[:1])
    assert found.gates["2013-01"] == Decimal("5700000.00")
    assert found.revenue["2013-05"] == Decimal("5780000.00")
    assert found.revenue["2013-06"] == Decimal("5856000.00")
    assert found.revenue["2013-07"] == Decimal("5932000.00")
    assert found.revenue["2013-10"] == Decimal("5889000.00")
    assert found.revenue["2013-01"] == Decimal("5780831.50")


def test_all_that_is_billed_is_earned(folder: Path) -> None:
    found = computed(folder, ALASKA)
    assert found.total == sum(found.revenue.values())


def test_the_year_has_the_departures_that_its_description_counts() -> None:
    """UA in January, counted by hand in a shell: 3,636 from EWR, 379 from JFK, 590 from LGA, 788,560 seats, 6,746,943
    miles: 2,225,232.00 + 266,626.50 + 386,597.50; 1,125,000.00 + 538,560 x 4.10; 675 packages."""
    found = expect(DEPARTURES)
    assert found.departures == 328_521
    assert lines(found, "UA", date(2013, 2, 1)) == {
        "gates": "988000.00",
        "departures": "2878456.00",
        "seats": "3333096.00",
        "miles": "84375.00",
    }
    # 16 airlines: 15 x 13 invoices, YV 10, and B6's of 16 June.
    assert len(found.invoices) == 206
