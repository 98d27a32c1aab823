"""One measured row against its budget."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from rich.table import Table

Bound = Literal["<=", ">="]
_HOLDS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType({"<=": operator.le, ">=": operator.ge})


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, and the bound that it is to keep."""

    name: str
    what: str
    value: float
    unit: str
    bound: Bound
    budget: float

    @property
    def ok(self) -> bool:
        return _HOLDS[self.bound](self.value, self.budget)

    def as_json(self) -> dict[str, object]:
        return {"value": self.value, "unit": self.unit, "budget": self.budget, "ok": self.ok}


def table(rows: list[Row]) -> Table:
    """The rows for a terminal."""
    shown = Table(title="Budgets")
    for column in ("row", "what", "value", "budget", ""):
        shown.add_column(column, justify="right" if column in ("value", "budget") else "left")
    for row in rows:
        verdict = "[green]ok[/]" if row.ok else "[red]missed[/]"
        shown.add_row(row.name, row.what, f"{row.value:,.2f} {row.unit}", f"{row.bound} {row.budget:g}", verdict)
    return shown
