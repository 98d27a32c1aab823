from datetime import UTC, datetime

import pytest

from domain.commands import Command
from domain.contract import sign
from domain.due import next_due, service_end
from domain.state import ContractState
from tests.domain.shell import Steps, cancel, flat, run, terms

PLAN = {"id": "plan", "price": flat("10.00")}
LICENCE = {"id": "licence", "price": flat("100.00"), "every": "year"}


def due(state: ContractState) -> tuple[str, str] | None:
    found = next_due(state)
    return (str(found.on), found.reason) if found else None


def test_first_comes_the_start_at_its_local_midnight() -> None:
    state = sign("con_1", "cus_1", terms(PLAN, start="2026-07-01", timezone="America/New_York"))
    found = next_due(state)
    assert found is not None
    assert (str(found.on), found.at, found.reason) == ("2026-07-01", datetime(2026, 7, 1, 4, tzinfo=UTC), "start")


@pytest.mark.parametrize(
    ("term", "steps", "expected"),
    [
        (None, [], ("2026-02-01", "bill")),
        ({"months": 1}, [], ("2026-02-01", "end")),
        ({"months": 1, "renew": "auto"}, [], ("2026-02-01", "bill")),
        (None, [("2026-01-10", cancel())], ("2026-02-01", "end")),
        (None, [("2026-01-10", cancel("now"))], None),
    ],
)
def test_a_month_ends_in_a_bill_or_for_good(
    term: dict[str, object] | None, steps: Steps, expected: tuple[str, str] | None
) -> None:
    assert due(run(terms(PLAN, start="2026-01-01", term=term), "2026-01-15", steps).state) == expected


def test_a_year_is_recognised_month_by_month_until_its_term_renews() -> None:
    agreed = terms(LICENCE, start="2026-01-15", term={"months": 2, "renew": "auto"})
    assert due(run(agreed, "2026-02-20").state) == ("2026-03-01", "recognise")
    assert due(run(agreed, "2026-03-01").state) == ("2026-03-15", "renew")
    assert due(run(agreed, "2026-12-01").state) == ("2027-01-01", "recognise")
    assert due(run(agreed, "2027-01-01").state) == ("2027-01-15", "bill")


def test_service_ends_with_a_term_that_does_not_renew_or_a_cancellation() -> None:
    def end(term: dict[str, object] | None, *steps: tuple[str, Command]) -> str:
        state = run(terms(PLAN, start="2026-01-01", term=term), "2026-01-15", steps).state
        return str(service_end(state))

    assert end(None) == "None"
    assert end({"months": 12, "renew": "auto"}) == "None"
    assert end({"months": 12}) == "2027-01-01"
    assert end({"months": 12}, ("2026-01-10", cancel())) == "2026-02-01"
    assert end(None, ("2026-01-10", cancel("now"))) == "2026-01-10"
