"""The matrix of invoices by airline and month."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from demo.found import Document
from demo.layout import WIDE, money, table

TITLE: Final = "Invoices by airline and month, thousands of USD"
ZERO: Final = Decimal(0)
# How many months a narrow terminal holds side by side.
NARROW_MONTHS: Final = 7


class InvoiceMatrix:
    """What was invoiced, in thousands of dollars; the sums at the end of the rows are exact."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._months = sorted({document.on.replace(day=1) for document in documents})
        self._customers = sorted({document.customer for document in documents})
        self._sums: defaultdict[tuple[str, date], Decimal] = defaultdict(Decimal)
        self._issued: Counter[tuple[str, date]] = Counter()
        for document in documents:
            key = (document.customer, document.on.replace(day=1))
            self._sums[key] += document.total
            self._issued[key] += 1

    def parts(self, width: int) -> Iterator[RenderableType]:
        """Yields one table, or two where the terminal is narrow, and what is to be said of them."""
        if width >= WIDE:
            yield self._table(TITLE, self._months, with_sums=True)
        else:
            yield self._table(TITLE, self._months[:NARROW_MONTHS], with_sums=False)
            yield self._table("", self._months[NARROW_MONTHS:], with_sums=True)
        yield from (Text(note, style="dim") for note in self._notes())

    def _table(self, title: str, months: Sequence[date], *, with_sums: bool) -> Table:
        made = table(title, "", *(_named(month) for month in months), *(["USD"] if with_sums else []), gap=0)
        for customer in self._customers:
            whole = sum((self._sums[customer, month] for month in self._months), ZERO)
            cells = (self._cell(customer, month) for month in months)
            made.add_row(f"[bold]{customer}[/]", *cells, *([money(whole)] if with_sums else []))
        made.add_section()
        sums = (
            _thousands(sum((self._sums[customer, month] for customer in self._customers), ZERO)) for month in months
        )
        whole = sum((document.total for document in self._documents), ZERO)
        made.add_row("", *sums, *([money(whole)] if with_sums else []), style="bold")
        return made

    def _cell(self, customer: str, month: date) -> str:
        issued = self._issued[customer, month]
        return _thousands(self._sums[customer, month]) + "*" * (issued > 1) if issued else "[dim]·[/]"

    def _notes(self) -> Iterator[str]:
        yield f"{len(self._documents)} invoices, {self._documents[0].number} to {self._documents[-1].number}."
        for document in self._documents:
            if document.on.day != 1:
                parts = " ".join(f"{line.amount:+,.2f} for {line.quantity:f}" for line in document.lines)
                yield f"* with {document.number} of {document.on} for a change on that day: {parts} gates."


def _named(month: date) -> str:
    return f"{month:%b}" if month.year == 2013 else f"{month:%b%y}"


def _thousands(amount: Decimal) -> str:
    return f"{(amount / 1000).quantize(Decimal(1), ROUND_HALF_UP):,}"
