"""Checks run side by side, and told in the order of the cases."""

import threading

from cases.check import check
from cases.format import Scenario
from cases.memory import Memory
from cases.reading import Found, parse_case
from cases.story import Story
from domain.errors import DomainError


class Waiting:
    """An engine in whose hands the first scenario is done last."""

    width = 3

    def __init__(self) -> None:
        self.last = threading.Event()

    def run(self, scenario: Scenario) -> Story:
        if scenario.name == "first":
            assert self.last.wait(10)
        if scenario.name == "third":
            self.last.set()
            raise DomainError("there is no invoice 2 yet, only 1", "/invoice")
        return Memory().run(scenario)


def scenario(name: str, total: str) -> Found:
    """Ten dollars on the first of January."""
    line = {"id": "plan", "price": {"model": "flat", "amount": "10.00"}, "every": "month", "bill": "advance"}
    raw = {
        "name": name,
        "kind": "scenario",
        "start": "2026-01-01",
        "end": "2026-01-02",
        "contract": {"start": "2026-01-01", "lines": [line]},
        "expect": {"invoices": [{"total": total}]},
    }
    return Found("given.yaml", parse_case(raw))


def test_scenarios_run_at_once_and_are_told_in_their_order() -> None:
    cases = [scenario("first", "10.00"), scenario("second", "9.00"), scenario("third", "10.00")]
    results = list(check(cases, Waiting()))
    assert [str(result) for result in results] == [
        "PASS first",
        "FAIL second: invoices[0].total: expected 9.00, got 10.00",
        "FAIL third: refused at /invoice: there is no invoice 2 yet, only 1",
    ]


def test_who_stops_reading_does_not_wait_for_the_rest() -> None:
    engine = Waiting()
    results = check([scenario("second", "10.00"), scenario("first", "10.00")], engine)
    assert next(results).passed
    results.close()
    assert not engine.last.is_set()
    engine.last.set()
