"""Billing's own cases, at the edges of its rules: figures worked out by hand from the rules of the case format."""

from pathlib import Path

import pytest

from cases.check import check
from cases.memory import Memory
from cases.reading import Found, read

FOUND = read([Path(__file__).parent / "more"])


@pytest.mark.parametrize("found", FOUND, ids=[found.case.name for found in FOUND])
def test_billing_answers_what_was_worked_out_by_hand(found: Found) -> None:
    [result] = check([found], Memory())
    assert result.passed, str(result)
