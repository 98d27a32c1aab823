"""Contracts and changes as anyone might state them, within what terms allow."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.commands import Cancel, ChangeLine, Command, InvoiceSettled, InvoiceUnpaid
from domain.prices import reads_events
from domain.rating import Group, Usage, group_by
from domain.state import Item
from domain.terms import Terms
from tests.domain.shell import UsageOf

MONTHS = 36
DECIMALS = {"USD": 2, "JPY": 0, "KWD": 3}
# Where midnight is skipped or comes twice on some days, and where it is plain.
ZONES = [
    "UTC",
    "America/New_York",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Tokyo",
]
REGIONS = ["eu", "us", "apac"]

IDS = ["a", "b", "c", "d"]

ids = st.sampled_from(["a", "a", "a", "b", "b", "c", "d"])
long_months = st.sampled_from([date(2024, 1, 31), date(2024, 2, 29), date(2024, 12, 30), date(2025, 2, 28)])
starts = st.one_of(long_months, st.dates(date(2023, 6, 1), date(2026, 6, 30)))
anchors = st.one_of(st.none(), st.sampled_from([1, 28, 29, 30, 31]), st.integers(1, 31))
quantities = st.one_of(st.just(0), st.integers(0, 5000), st.decimals(0, 500, places=3))


def amounts(places: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.decimals(least, 5000, places=places).map(lambda amount: f"{amount:f}")


units = amounts(6)
rates = st.decimals(0, 100, places=4).map(lambda rate: f"{rate:f}")


@st.composite
def tiers(draw: st.DrawFn, closed: bool, model: str) -> list[dict[str, Any]]:
    ends: list[int | None] = [*sorted(draw(st.sets(st.integers(1, 2000), max_size=3)))]
    if not closed or not ends:
        ends.append(None)
    flats = amounts(2)
    priced = [{"up_to": end, "flat": draw(flats)} for end in ends]
    match model:
        case "stairstep":
            return priced
        case "graduated_percentage":
            return [{**tier, "rate": draw(rates)} for tier in priced]
        case _:
            return [{**tier, "unit": draw(units)} for tier in priced]


@st.composite
def percentages(draw: st.DrawFn) -> dict[str, Any]:
    """What a percentage asks of each event, most often with what is free and with bounds."""
    least = draw(st.none() | amounts(2))
    most = draw(st.none() | amounts(2).map(lambda more: f"{Decimal(least or 0) + Decimal(more):f}"))
    return {
        "rate": draw(rates),
        "fixed": draw(amounts(2)),
        "free_amount": draw(quantities),
        "free_events": draw(st.integers(0, 3)),
        "min_per_event": least,
        "max_per_event": most,
    }


@st.composite
def prices(draw: st.DrawFn, places: int, metered: bool) -> dict[str, Any]:
    models = ["per_unit", "package", "graduated", "volume", "stairstep"]
    models += ["matrix", "percentage", "graduated_percentage", "dynamic"] if metered else ["flat"]
    model = draw(st.sampled_from(models))
    price: dict[str, Any] = {"model": model}
    match model:
        case "flat":
            price["amount"] = draw(amounts(places, -100))
        case "per_unit":
            price["amount"] = draw(units)
        case "package":
            price |= {"size": draw(st.integers(1, 500)), "amount": draw(units)}
        case "matrix":
            cells = draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True))
            price["cells"] = [{"when": {"region": region}, "unit": draw(units)} for region in cells]
            price["otherwise"] = draw(st.none() if len(cells) == len(REGIONS) else units)
        case "percentage":
            price |= draw(percentages())
        case "dynamic":
            pass
        case _:
            closed = not metered and draw(st.booleans())
            price["tiers"] = draw(tiers(closed, model))
    return price | draw(bounds(places))


@st.composite
def bounds(draw: st.DrawFn, places: int) -> dict[str, Any]:
    """What any price may carry, most often nothing."""
    rarely = st.sampled_from([False, False, False, True])
    found: dict[str, Any] = {}
    if draw(rarely):
        found["included"] = draw(quantities)
    if draw(rarely):
        found["minimum"] = draw(amounts(places))
    if draw(rarely):
        found["maximum"] = f"{Decimal(found.get('minimum', 0)) + Decimal(draw(amounts(places))):f}"
    return found


@st.composite
def lines(draw: st.DrawFn, line_id: str, places: int) -> dict[str, Any]:
    metered = draw(st.booleans())
    line = {"id": line_id, "price": draw(prices(places, metered)), "every": draw(every), "bill": "arrears"}
    if metered:
        return line | {"meter": "usage", "recognize": draw(st.sampled_from([None, "daily", "as_used"]))}
    return line | {"bill": draw(st.sampled_from(["advance", "arrears"])), "quantity": draw(st.none() | quantities)}


every = st.sampled_from(["month", "month", "quarter", "year"])
terms_of_service = st.none() | st.builds(
    lambda months, renew: {"months": months, "renew": renew}, st.integers(1, 30), st.sampled_from(["none", "auto"])
)


@st.composite
def agreements(draw: st.DrawFn) -> Terms:
    """Terms that validate."""
    currency = draw(st.sampled_from(list(DECIMALS)))
    given = {
        "currency": currency,
        "timezone": draw(st.sampled_from(ZONES)),
        "start": draw(starts),
        "term": draw(terms_of_service),
        "anchor_day": draw(anchors),
        "payment_terms_days": draw(st.integers(0, 60)),
        "usage_grace_hours": draw(st.sampled_from([0, 0, 0, 5, 72])),
        "late_usage_days": draw(st.sampled_from([0, 0, 30])),
        "tax": draw(
            st.sampled_from([[], [{"name": "VAT", "rate": "20"}], [{"name": "USt", "rate": "19", "inclusive": True}]])
        ),
        "meters": [{"id": "usage", "aggregate": draw(st.sampled_from(["sum", "sum", "weighted_sum"]))}],
        "lines": [draw(lines(line_id, DECIMALS[currency])) for line_id in IDS[: draw(st.integers(1, 4))]],
    }
    try:
        return Terms.model_validate(given)
    except ValidationError:
        assume(False)
        raise


@st.composite
def changes(draw: st.DrawFn) -> ChangeLine:
    """A change of any line, sensible or not."""
    metered, quantity, price = draw(st.sampled_from([(0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 0, 1), (0, 0, 0)]))
    return ChangeLine.model_validate(
        {
            "line": draw(ids),
            "quantity": draw(quantities) if quantity else None,
            "price": draw(prices(draw(st.sampled_from([0, 2])), bool(metered))) if price else None,
            "effective": draw(st.sampled_from(["now", "now", "next_period"])),
            "invoice": draw(st.sampled_from(["now", "next"])),
        }
    )


cancellations = st.builds(
    Cancel, when=st.sampled_from(["now", "period_end"]), credit=st.sampled_from(["unused", "none"])
)
news = st.builds(InvoiceUnpaid, invoice_id=ids) | st.builds(InvoiceSettled, invoice_id=ids)
KINDS = [*["change"] * 8, "news", "cancel"]


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """Mostly changes: what has been cancelled takes no more."""
    kind = draw(st.sampled_from(KINDS))
    return draw({"change": changes(), "news": news, "cancel": cancellations}[kind])


@st.composite
def histories(draw: st.DrawFn, start: date) -> list[tuple[datetime, Command]]:
    """Commands in order of time, from before the start on; some at midnights and on first days of months."""
    months = [date(start.year + n // 12, n % 12 + 1, 1) for n in range(start.month, start.month + 12)]
    days = st.one_of(
        st.sampled_from(months), st.integers(-10, MONTHS * 30).map(lambda days: start + timedelta(days=days))
    )
    hours = st.sampled_from([0, 0, 4, 5, 12, 23])
    instants = st.builds(lambda day, hour: datetime(day.year, day.month, day.day, hour, tzinfo=UTC), days, hours)
    return sorted(draw(st.lists(st.tuples(instants, commands()), max_size=8)), key=lambda step: step[0])


@st.composite
def usages(draw: st.DrawFn) -> UsageOf:
    """The same events in each stretch, from a region that every matrix prices."""
    events = draw(st.sampled_from([[], ["1"], ["0.5"], ["1234"], ["1000", "0", "999000"], ["-3"], ["5", "-8"]]))

    def usage(item: Item) -> Usage:
        values = tuple(Decimal(value) for value in events)
        quantity = sum(values, Decimal(0))
        names = group_by(item.price)
        group = Group({name: REGIONS[0] for name in names}, quantity)
        return Usage(quantity, (group,) if names else (), values if reads_events(item.price) else ())

    return usage
