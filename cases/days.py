"""When what is done in a scenario: its steps, and the days at whose end it is asked how things stand."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cases.format import Scenario, Step
from domain.period import first_instant

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """A step at its instant, or without one a report of the day that has just ended."""

    at: datetime
    step: Step | None


def moments(scenario: Scenario) -> list[Moment]:
    """What is done when, up to the report of the last day.

    At one instant a report of a day comes before a step, and that before what is due.
    """
    zone = scenario.timezone
    reports = [Moment(first_instant(day + ONE_DAY, zone), None) for day in report_days(scenario)]
    steps = [Moment(_instant(step, zone), step) for step in scenario.steps]
    after_end = first_instant(scenario.end + ONE_DAY, zone)
    ordered = sorted([*reports, *steps], key=lambda moment: (moment.at, moment.step is not None))
    return [moment for moment in ordered if moment.at <= after_end]


def _instant(step: Step, zone: str) -> datetime:
    return step.at if isinstance(step.at, datetime) else first_instant(step.at, zone)


def month_ends(scenario: Scenario) -> list[date]:
    """The last days of the months that the scenario runs through, and its own last day."""
    days = []
    month = scenario.start.replace(day=1)
    while (month := (month + timedelta(days=32)).replace(day=1)) <= scenario.end:
        days.append(month - ONE_DAY)
    return [*days, scenario.end]


def report_days(scenario: Scenario) -> list[date]:
    """The days whose balances are expected, or else the last ones of the months; and the last of all."""
    asked = scenario.expect.balances
    days = month_ends(scenario) if asked is None else [day for day in asked if day <= scenario.end]
    return sorted({*days, scenario.end})
