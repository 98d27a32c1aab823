"""The tables at the end, as they are printed."""

import gzip
from dataclasses import replace
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console, RenderableType

from demo.comparison import compare
from demo.departures import DEPARTURES, airlines
from demo.independent import Expected, expect
from demo.report import tables, verdict
from tests.demo.given import right

WIDTH = 120


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Expected:
    """A year whose only departures are a million seats and one after its end."""
    rows = ["1,2013-05-01T12:00:00Z,DL,LGA,XXX,2402,1000000", "2,2014-01-01T05:00:00Z,UA,EWR,XXX,500,"]
    file = tmp_path_factory.mktemp("demo") / "departures.csv.gz"
    file.write_bytes(gzip.compress("\n".join(["id,departed_at,carrier,origin,dest,miles,seats", *rows]).encode()))
    return expect(file)


def printed(*parts: RenderableType, width: int = WIDTH) -> str:
    console = Console(file=StringIO(), width=width)
    for part in parts:
        console.print(part)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 112, 120, 200])
def test_every_table_fits_the_terminal_uncut(width: int) -> None:
    """With the departures of the whole year, so that the figures have their real size."""
    text = printed(*tables(right(expect(DEPARTURES)), airlines(), width=width), width=width)
    assert "…" not in text
    assert "455,417,538.85" in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_the_matrix_shows_a_month_in_thousands_and_the_year_exactly(expected: Expected) -> None:
    """DL on 1 June: 20 gates 760,000.00, minimum 5,000.00, 250,000 x 4.50 + 750,000 x 4.10, one package: 4,965,125.00.

    In the year 12 x 760,000.00 + 12 x 5,000.00 + 4,200,125.00.
    """
    row = next(
        line
        for line in printed(*tables(right(expected), airlines(), width=WIDTH)).splitlines()
        if line.startswith(" DL")
    )
    assert row.split() == ["DL", "760", *["765"] * 4, "4,965", *["765"] * 6, "5", "13,380,125.00"]


def test_dunning_is_shown_attempt_by_attempt(expected: Expected) -> None:
    text = printed(*tables(right(expected), airlines(), width=WIDTH))
    for attempt in ("2013-03-01   1        declined insufficient_funds", "2013-03-06   4        paid 993,000.00 USD"):
        assert attempt in text


def test_the_unmatched_are_counted_by_airline_and_reason(expected: Expected) -> None:
    row = next(
        line
        for line in printed(*tables(right(expected), airlines(), width=WIDTH)).splitlines()
        if line.startswith(" UA United")
    )
    assert row.split() == ["UA", "United", "Air", "Lines", "Inc.", "outside", "term", "1"]


def test_the_verdict_says_that_all_agrees(expected: Expected) -> None:
    assert "✓ All agrees" in printed(verdict(compare(expected, right(expected))))


def test_the_verdict_lists_what_disagrees(expected: Expected) -> None:
    text = printed(verdict(compare(expected, replace(right(expected), captured=Decimal("1.50")))))
    assert "✗ Not all agrees with the figures computed straight from the CSV: 1 of 1," in text
    assert "captured at the gateway" in text
    assert "1.50" in text
