"""What finance reads of a contract in the Temporal UI."""

from dataclasses import replace
from datetime import UTC, date, datetime

from domain.contract import sign
from domain.life import Happening, OpenInvoice
from tests.workflows.story import monthly
from workflows.visibility import contract_statement

STATE = replace(sign("con_1", "cus_1", monthly(date(2026, 1, 1))), status="past_due")
OPEN = OpenInvoice("inv_1", "INV-000007", 9_900, date(2026, 1, 1))
HISTORY = [Happening(datetime(2026, 1, day, tzinfo=UTC), f"thing {day}", 1) for day in range(1, 9)]


def test_a_statement_says_what_is_owed_what_is_sold_and_what_happened_last() -> None:
    assert contract_statement(STATE, (OPEN,), HISTORY, "2026-02-01, to bill").splitlines() == [
        "- **Status**: past due",
        "- **Waits for**: 2026-02-01, to bill",
        "- **Open balance**: 99.00 USD",
        "- **Monthly recurring value**: 99.00 USD",
        "- **Service**: 2026-01-01 to 2027-01-01",
        "- **Time zone**: UTC",
        "- **Version of the terms**: 1",
        "",
        "#### Lines",
        "- **plan**: 1 at 99.00 USD each, every month in advance, billed through 2026-01-01",
        "",
        "#### Open invoices",
        "- **INV-000007**: 99.00 USD, due 2026-01-01",
        "",
        "#### Recently",
        "- 2026-01-08: thing 8",
        "- 2026-01-07: thing 7",
        "- 2026-01-06: thing 6",
        "- 2026-01-05: thing 5",
        "- 2026-01-04: thing 4",
        "- 2026-01-03: thing 3",
    ]


def test_a_contract_that_has_ended_recurs_no_more() -> None:
    ended = contract_statement(replace(STATE, status="expired"), (), [], "nothing")
    assert "- **Monthly recurring value**: 0.00 USD" in ended
