"""The public cases of one kind, read as they stand."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

from domain.money import exact_minor

PUBLIC: Final = Path(__file__).parents[2] / "cases" / "public"


def public_cases(kind: str) -> list[dict[str, Any]]:
    """All cases of that kind, and at least one."""
    found = [case for case in _all_cases() if case["kind"] == kind]
    assert found, f"no public case is of the kind {kind}"
    return found


def case_name(case: dict[str, Any]) -> str:
    return str(case["name"])


def minor(amount: str, case: dict[str, Any]) -> int:
    """An amount of the case in minor units of its currency."""
    return exact_minor(Decimal(amount), case.get("currency", "USD"))


def _all_cases() -> Iterator[dict[str, Any]]:
    for path in sorted(PUBLIC.glob("*.yaml")):
        yield from yaml.safe_load(path.read_text())
