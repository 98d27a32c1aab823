"""How the demo's tables look."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from rich import box
from rich.table import Column, Table

# What the tables need where they are not broken up for a narrow terminal.
WIDE: Final = 112


def table(title: str, *columns: str | Column, gap: int = 1) -> Table:
    """A table with a title on the left; figures stand right, the first column left."""
    made = [
        column if isinstance(column, Column) else Column(column, justify="right" if number else "left", no_wrap=True)
        for number, column in enumerate(columns)
    ]
    return Table(
        *made,
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, gap, 0, 0),
        header_style="dim",
        pad_edge=False,
    )


def left(*names: str) -> Sequence[Column]:
    """Columns of words."""
    return [Column(name, justify="left") for name in names]


def money(amount: Decimal) -> str:
    """Dollars with their cents."""
    return f"{amount:,.2f}"
