from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from domain.commands import Cancel, ChangeLine, Revise
from domain.due import next_due
from domain.errors import RefusedChange
from models.database import Database
from tests.activities.story import Story, everything, line, per_unit, run, terms
from tests.activities.test_metered import METERS, depart, seats

PERIODS = ("month", "quarter", "year")


def agreed(random: Random) -> Any:
    def price() -> dict[str, Any]:
        return per_unit(f"{random.randint(1, 99_999) / Decimal(100):.2f}")

    return terms(
        line("paid", price(), quantity=random.randint(1, 9), every=random.choice(PERIODS)),
        line("owed", price(), quantity=random.randint(1, 9), every=random.choice(PERIODS), bill="arrears"),
        seats(every=random.choice(PERIODS)),
        meters=METERS,
        start=date(2013, 1, random.randint(1, 31)),
        anchor_day=random.choice([None, 1, 15, 31]),
        timezone=random.choice(["UTC", "America/New_York", "Asia/Kolkata"]),
        payment_terms_days=random.choice([0, 30]),
        tax=random.choice([[], [{"name": "VAT", "rate": "19", "inclusive": random.random() < 0.5}]]),
        term={"months": random.randint(3, 8)},
    )


def change(random: Random) -> ChangeLine | Cancel | Revise:
    if random.random() < 0.1:
        return Cancel.model_validate(
            {"when": random.choice(["now", "period_end"]), "credit": random.choice(["unused", "none"])}
        )
    if random.random() < 0.15:
        return recount(random)
    target = random.choice(["paid", "owed", "seats"])
    new: dict[str, Any] = {"price": per_unit(f"{random.randint(1, 9_999) / Decimal(100):.2f}")}
    if target != "seats":
        new = {"quantity": random.randint(0, 12)}
    effective = random.choice(["now", "now", "next_period"])
    return ChangeLine.model_validate(
        {"line": target, "effective": effective, "invoice": random.choice(["now", "next"]), **new}
    )


def recount(random: Random) -> Revise:
    """The meter of the seats counts otherwise, now and then from a day that was billed."""
    read = random.choice([{"reads": "seats"}, {"expression": "seats / 3"}])
    aggregate, carry = random.choice(["sum", "max", "latest", "weighted_sum"]), random.random() < 0.5
    meter = {"id": "seats", "event": "departure", "aggregate": aggregate, "carry": carry, **read}
    how = random.choice(["now", "now", "next_period", "2013-03-05"])
    return Revise.model_validate({"meters": [meter], "effective": how, "invoice": random.choice(["now", "next"])})


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_nothing_is_left_deferred_or_unbilled(database: Database, seed: int) -> None:
    random = Random(seed)
    story = Story(database, agreed(random))
    for number in range(60):
        day = date(2013, 1, 1) + timedelta(days=random.randint(0, 270))
        depart(story, f"e{number}", day, seats=random.randint(1, 400), hour=random.randint(0, 23))
    at = datetime(2013, 1, 10, tzinfo=UTC)
    while (due := next_due(story.state)) is not None:
        at += timedelta(hours=random.randint(1, 600))
        while due is not None and due.at < at:
            story.wake()
            due = next_due(story.state)
        try:
            story.apply(change(random), at)
        except RefusedChange:
            continue
    balances = story.balances()
    assert "contract_position" not in balances and "unbilled_receivable" not in balances
    [(billed, open_minor)] = story.rows(
        "SELECT coalesce(sum(CASE kind WHEN 'invoice' THEN net_minor ELSE -net_minor END), 0)::bigint,"
        " coalesce(sum(total_minor - credited_minor - credit_applied_minor) FILTER (WHERE status = 'open'), 0)::bigint"
        " FROM invoice"
    )
    assert balances.get("revenue", 0) == -billed
    assert balances.get("receivable", 0) == open_minor
    before = everything(database)
    for decided in story.decisions:
        run(story.steps, decided)
    assert everything(database) == before
