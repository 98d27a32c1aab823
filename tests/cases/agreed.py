"""Contracts and what happens to them, as anyone might write them down in a case file, within what terms allow."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from domain.period import boundary, first_instant

MONTHS = 36
DECIMALS = {"USD": 2, "JPY": 0, "KWD": 3}
# Where midnight is skipped or comes twice on some days, and where it is plain.
ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Beirut", "America/Santiago", "Australia/Lord_Howe"]
REGIONS = ["eu", "us"]
AGGREGATES = ["sum", "sum", "count", "max", "min", "latest", "average", "unique", "weighted_sum"]
INTERVALS: list[Any] = [
    *("month", "month", "month", "quarter", "year", "week"),
    *({"weeks": 2}, {"days": 10}, {"months": 6}, {"months": 5}),
]
PATTERNS = [None, None, "daily", "monthly_even", "monthly_prorated", "immediately", "at_delivery", "percent_complete"]

Draw = st.DrawFn
rarely = st.sampled_from([False, False, False, True])
evenly = st.booleans()


def amounts(places: int, least: int = 0, most: int = 2000) -> st.SearchStrategy[str]:
    """Amounts with so many decimals, written exactly."""
    scale = 10**places
    return st.integers(least * scale, most * scale).map(
        lambda minor: f"{minor // scale}.{minor % scale:0{places}d}" if places else str(minor)
    )


def units() -> st.SearchStrategy[str]:
    """Prices of one unit, some finer than any currency."""
    return st.sampled_from(["0.01", "1", "0.3333", "2.5", "0.000125", "19.99"])


@st.composite
def tiers(draw: Draw, *, priced_by: str, closed: bool) -> list[dict[str, Any]]:
    """Tiers from the lowest up; the last one is open, or `closed` far up."""
    ends: list[int | None] = [*sorted(draw(st.sets(st.integers(1, 300), max_size=2)))]
    ends.append(10**6 if closed else None)
    found = []
    for end in ends:
        tier: dict[str, Any] = {"up_to": end}
        if priced_by:
            tier[priced_by] = draw(units())
        if not priced_by or draw(evenly):
            tier["flat"] = draw(st.sampled_from(["0", "5", "10"]))
        found.append(tier)
    return found


@st.composite
def prices(draw: Draw, places: int, *, metered: bool) -> dict[str, Any]:  # noqa: C901 - one branch for each model
    """A price of any model that a line with or without a meter may have."""
    models = ["per_unit", "per_unit", "package", "graduated", "volume", "stairstep"]
    models += ["percentage", "graduated_percentage", "matrix", "dynamic"] if metered else ["flat", "flat"]
    price: dict[str, Any] = {"model": draw(st.sampled_from(models))}
    closed = not metered and draw(rarely)
    match price["model"]:
        case "flat":
            price["amount"] = draw(amounts(places, -50))
        case "per_unit":
            price["amount"] = draw(units())
        case "package":
            price |= {"size": draw(st.integers(1, 100)), "amount": draw(amounts(places, most=20))}
        case "graduated" | "volume":
            price["tiers"] = draw(tiers(priced_by="unit", closed=closed))
        case "stairstep":
            price["tiers"] = draw(tiers(priced_by="", closed=closed))
        case "graduated_percentage":
            price["tiers"] = draw(tiers(priced_by="rate", closed=False))
        case "percentage":
            price |= {"rate": "2.9", "fixed": draw(st.sampled_from(["0", "0.30"])), "free_events": draw(st.just(1))}
        case "matrix":
            price |= {"cells": [{"when": {"region": "eu"}, "unit": draw(units())}], "otherwise": draw(units())}
    if draw(rarely):
        price["included"] = draw(st.integers(0, 20))
    if draw(rarely):
        price["minimum"] = draw(amounts(places, most=50))
    if draw(rarely):
        price["maximum"] = draw(amounts(places, least=50, most=500))
    return price


@st.composite
def lines(draw: Draw, line_id: str, places: int, *, in_term: bool) -> dict[str, Any]:
    """A line that may stand alone or be added."""
    line: dict[str, Any] = {"id": line_id, "every": draw(st.sampled_from(INTERVALS)), "bill": "arrears"}
    if line_id.startswith("use"):
        line |= {"price": draw(prices(places, metered=True)), "meter": draw(st.sampled_from(["m1", "m2"]))}
        pattern = draw(st.sampled_from([None, None, "as_used", "daily"]))
    else:
        line |= {"price": draw(prices(places, metered=False)), "bill": draw(st.sampled_from(["advance", "arrears"]))}
        if draw(evenly):
            line["quantity"] = draw(st.integers(0, 40))
        if draw(rarely):
            line["every"] = "once"
        pattern = draw(st.sampled_from([*PATTERNS, "with_contract"] if in_term else PATTERNS))
    if pattern is not None:
        line["recognize"] = pattern
    return line


@st.composite
def offers(draw: Draw, contract: dict[str, Any], places: int, start: date) -> dict[str, Any]:
    """Discounts, commitments and prepaid credits for the lines of the contract."""
    ids = [line["id"] for line in contract["lines"]]
    metered = [line["id"] for line in contract["lines"] if "meter" in line]
    some = st.lists(st.sampled_from(ids), unique=True, max_size=2)
    found: dict[str, Any] = {}
    if draw(rarely):
        percent = {"id": "percent", "percent": draw(st.sampled_from(["10", "33.3", "100"])), "lines": draw(some)}
        fixed = {"id": "fixed", "amount": draw(amounts(places, least=1, most=50)), "lines": draw(some)}
        found["discounts"] = draw(st.sampled_from([[percent], [fixed], [percent, fixed], [fixed, percent]]))
        if draw(evenly):
            found["discounts"][0]["periods"] = draw(st.integers(1, 4))
    if draw(rarely):
        commitment = {"id": "floor", "amount": draw(amounts(places, least=1)), "lines": draw(some) or [ids[0]]}
        every = draw(st.sampled_from(["month", "quarter", "year", {"months": 5}]))
        found["commitments"] = [{**commitment, "every": every, "overage": draw(st.sampled_from(["1", "1.5", "0.5"]))}]
    if bool(metered) and draw(evenly):
        found["credits"] = [
            draw(grants(f"credit{number}", places, start, metered)) for number in range(draw(st.integers(1, 2)))
        ]
    return found


@st.composite
def grants(draw: Draw, id_: str, places: int, start: date, metered: list[str]) -> dict[str, Any]:
    """Prepaid credits."""
    found: dict[str, Any] = {"id": id_, "grants": draw(amounts(places, least=1, most=300))}
    if draw(evenly):
        found["paid"] = draw(amounts(places, most=300))
    if draw(evenly):
        found["expires"] = start + timedelta(days=draw(st.integers(0, 700)))
    if draw(evenly):
        found["lines"] = [draw(st.sampled_from(metered))]
    if draw(rarely):
        found["priority"] = draw(st.integers(0, 2))
    if draw(rarely):
        found["top_up"] = {"below": draw(amounts(places, least=1, most=50)), "paid": "80", "grants": "100", "months": 2}
    return found


taxes = st.sampled_from(
    [
        [],
        [],
        [{"name": "VAT", "rate": "20"}],
        [{"name": "USt", "rate": "19", "inclusive": True}],
        [{"name": "State", "rate": "7.25"}, {"name": "City", "rate": "1.125"}],
        [{"name": "In", "rate": "19", "inclusive": True}, {"name": "On", "rate": "3"}],
    ]
)


TIMES: dict[str, st.SearchStrategy[int]] = {
    "trial_days": st.integers(0, 40),
    "payment_terms_days": st.integers(0, 45),
    "reactivation_days": st.integers(0, 60),
    "usage_grace_hours": st.sampled_from([1, 24, 60, 72, 960]),
    "late_usage_days": st.integers(42, 90),
}


@st.composite
def contracts(draw: Draw, places: int, start: date) -> dict[str, Any]:
    """The `contract:` of a case."""
    contract: dict[str, Any] = {"start": start}
    if draw(evenly):
        contract["term"] = {
            "months": draw(st.integers(1, 14)),
            "renew": draw(st.sampled_from(["none", "auto", "auto", "auto"])),
            "uplift": draw(st.sampled_from(["0", "5", "-3.5"])),
        }
    in_term = "term" in contract
    ids = [f"fix{number}" for number in range(draw(st.integers(0, 2)))]
    ids += [f"use{number}" for number in range(draw(st.integers(0 if ids else 1, 2)))]
    contract["lines"] = [draw(lines(id_, places, in_term=in_term)) for id_ in ids]
    fixed = [line for line in contract["lines"] if "meter" not in line]
    if len(fixed) > 1 and draw(rarely):
        for line in fixed:
            line["ssp"] = draw(amounts(places, least=1))
    if draw(rarely):
        contract["anchor_day"] = draw(st.sampled_from([1, 15, 28, 29, 30, 31]))
    if draw(rarely):
        contract["anchor_month"] = draw(st.integers(1, 12))
    for name, values in TIMES.items():
        if draw(rarely):
            contract[name] = draw(values)
    contract["proration"] = draw(st.sampled_from(["day", "day", "day", "second", "30_360", "none"]))
    if fixed and in_term and draw(rarely):
        contract["phases"] = draw(phases(fixed, places, start + timedelta(days=contract.get("trial_days", 0))))
    return contract | draw(offers(contract, places, start)) | draw(limits(contract, places))


@st.composite
def limits(draw: Draw, contract: dict[str, Any], places: int) -> dict[str, Any]:
    """Amounts at which usage is billed before its period is over."""
    if not any("meter" in line for line in contract["lines"]) or not draw(rarely):
        return {}
    bounds = draw(st.lists(amounts(places, least=1, most=300), min_size=1, max_size=2))
    billed = [{"id": f"limit{number}", "amount": bound, "action": "invoice"} for number, bound in enumerate(bounds)]
    return {"usage_limits": billed}


@st.composite
def phases(draw: Draw, fixed: list[dict[str, Any]], places: int, origin: date) -> list[dict[str, Any]]:
    """Changes that are agreed from the beginning."""
    recurring = [line["id"] for line in fixed if line["every"] != "once"]
    if not recurring:
        return []
    days = sorted(draw(st.sets(st.integers(1, 400), min_size=1, max_size=2)))
    found = []
    for day in days:
        revision = {"price": {"model": "per_unit", "amount": draw(amounts(places))}}
        found.append({"from": origin + timedelta(days=day), "lines": {draw(st.sampled_from(recurring)): revision}})
    return found


@st.composite
def actions(  # noqa: C901, PLR0912 - one branch for each step
    draw: Draw, contract: dict[str, Any], places: int, at: datetime
) -> dict[str, Any]:
    """One thing that happens, sensible or not."""
    kind, in_term = draw(st.sampled_from(KINDS)), "term" in contract
    line_id = draw(st.sampled_from([*(line["id"] for line in contract["lines"]), "more"]))
    day = at.date()
    match kind:
        case "change" | "remove_line" | "add_line":
            body: dict[str, Any] = {"invoice": draw(st.sampled_from(["now", "now", "next", "at_renewal"]))}
            if draw(rarely):
                body["effective"] = day + timedelta(days=draw(st.integers(-70, 70)))
            if kind == "add_line":
                return {
                    kind: body | {"line": draw(lines(draw(st.sampled_from(["more", "use9"])), places, in_term=in_term))}
                }
            body["line"] = line_id
            if kind == "change" and not line_id.startswith("use") and draw(evenly):
                body["quantity"] = draw(st.integers(0, 40))
            elif kind == "change":
                body["price"] = draw(prices(places, metered=line_id.startswith("use")))
            return {kind: body}
        case "usage":
            return {kind: {"meter": draw(st.sampled_from(["m1", "m2"])), "events": draw(events(at))}}
        case "pause":
            body = {"unused": draw(st.sampled_from(["credit", "extend"]))}
            if draw(rarely):
                body["resume_on"] = day + timedelta(days=draw(st.integers(-2, 60)))
            return {kind: body}
        case "cancel":
            when = draw(st.sampled_from(["now", "period_end", "term_end", "date"]))
            body = {"when": when, "credit": draw(st.sampled_from(["unused", "none", "all"]))}
            return {kind: body | ({"on": day + timedelta(days=draw(st.integers(-2, 90)))} if when == "date" else {})}
        case "pay" | "refund" | "credit_note" | "void" | "write_off" | "dispute" | "dispute_won" | "dispute_lost":
            body = {"invoice": draw(st.integers(1, 4))}
            if kind in ("pay", "refund", "credit_note"):
                body["amount"] = draw(amounts(places, least=1, most=80))
            if kind == "credit_note" and draw(rarely):
                body["line"] = line_id
            return {kind: body}
        case "deliver":
            return {kind: {"line": line_id, "percent": draw(st.sampled_from(["0", "33.3", "100", "100"]))}}
        case "close":
            last_month = day.replace(day=1) - timedelta(days=1)
            return {kind: {"period": f"{last_month:%Y-%m}"}}
        case "gateway":
            return {kind: draw(st.sampled_from([{"declines": "insufficient_funds"}, {"accepts": "all"}]))}
        case "extend_trial":
            return {kind: {"until": day + timedelta(days=draw(st.integers(-3, 30)))}}
        case "command":
            return {kind: draw(st.sampled_from(OTHERS))}
        case _:
            return {kind: {}}


KINDS = [
    *["change"] * 6,
    *["usage"] * 6,
    *("add_line", "add_line", "remove_line", "pause", "resume", "resume", "cancel", "deliver", "deliver", "close"),
    *("pay", "refund", "credit_note", "credit_note", "void", "write_off", "dispute", "dispute_won", "dispute_lost"),
    *("gateway", "gateway", "new_payment_method", "withdraw_cancellation", "reactivate", "extend_trial", "end_trial"),
    *("command", "command"),
]
# What case files have no step for.
OTHERS: list[dict[str, Any]] = [
    {"kind": "set_renewal", "renew": "none"},
    {"kind": "set_renewal", "renew": "auto"},
    {"kind": "move_anchor", "anchor_day": 10},
    {"kind": "move_anchor", "anchor_day": 31},
    {"kind": "skip_period", "line": "fix0"},
    {"kind": "skip_period"},
    {"kind": "hold", "reason": "a look at it"},
    {"kind": "release"},
    {"kind": "change_line", "line": "fix0", "quantity": 7, "effective": "next_period"},
    {"kind": "remove_line", "line": "use0", "effective": "next_period"},
]


@st.composite
def events(draw: Draw, at: datetime) -> list[dict[str, Any]]:
    """Usage of the last weeks, some of it known already."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        used_at = at - timedelta(hours=draw(st.sampled_from([0, 1, 5, 24, 24, 100, 500, 1000, 2000])))
        value = draw(st.integers(0, 400))
        number = draw(st.integers(0, 40))
        event = {"id": f"e{number}", "at": used_at, "value": str(value), "region": draw(st.sampled_from(REGIONS))}
        found.append(event)
    return found


@st.composite
def stories(draw: Draw, months: int = MONTHS) -> dict[str, Any]:
    """A scenario as a case file has it, whose steps may be refused. A `command` step is one of no case file."""
    currency = draw(st.sampled_from(["USD", "USD", "USD", "JPY", "KWD"]))
    places = DECIMALS[currency]
    start = draw(st.sampled_from([date(2024, 1, 31), date(2024, 2, 29), date(2025, 1, 1), date(2024, 10, 16)]))
    contract = draw(contracts(places, start))
    zone = draw(st.sampled_from(ZONES))
    count = draw(st.sampled_from([0, 1, 2, 3, 4, 6, 9]))
    # Any day of the first year or so, or one on which periods and months begin.
    boundaries = [(boundary(start, "month", k) - start).days for k in range(min(months, 13))]
    days = st.one_of(st.integers(-3, min(400, 31 * months)), st.sampled_from(boundaries))
    one = st.tuples(days, st.sampled_from([None, None, 5, 23]))
    moments = draw(st.lists(one, min_size=count, max_size=count))
    steps = []
    for at, stated in sorted((_moment(start, zone, *moment) for moment in moments), key=lambda moment: moment[0]):
        steps.append({"at": stated, **draw(actions(contract, places, at))})
    return {
        "name": "any",
        "kind": "scenario",
        "currency": currency,
        "timezone": zone,
        "start": start,
        "end": boundary(start, "month", months) - timedelta(days=1),
        "customer": {
            "tax": draw(taxes),
            "pays": draw(st.sampled_from(["automatically", "automatically", "on_invoice"])),
        },
        "meters": [{"id": id_, "aggregate": draw(st.sampled_from(AGGREGATES))} for id_ in ("m1", "m2")],
        "contract": contract,
        "steps": steps,
    }


def _moment(start: date, zone: str, days: int, hour: int | None) -> tuple[datetime, date | datetime]:
    """An instant, and how a case file states it: as a date where it is the first of one."""
    on = start + timedelta(days=days)
    if hour is None:
        return first_instant(on, zone), on
    at = datetime(on.year, on.month, on.day, hour, tzinfo=UTC)
    return at, at
