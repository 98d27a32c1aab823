"""Cases whose figures were worked out by hand from the rules of the case format, run by the pure core."""

from pathlib import Path

import pytest

from cases.check import check
from cases.memory import Memory
from cases.reading import Found, read

FOUND = read([Path(__file__).parent / "books"])


@pytest.mark.parametrize("found", FOUND, ids=[found.case.name for found in FOUND])
def test_the_books_say_what_the_rules_say(found: Found) -> None:
    [result] = check([found], Memory())
    assert result.passed, str(result)
