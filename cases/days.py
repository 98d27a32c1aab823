"""The days of a scenario at whose end it is asked how things stand."""

from datetime import date, timedelta

from cases.format import Scenario

ONE_DAY = timedelta(days=1)


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
