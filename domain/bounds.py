"""Safety bounds: an invoice that its contract makes unlikely waits for a person before it is collected."""

from collections.abc import Iterable
from decimal import Decimal

from domain.books import Document
from domain.money import format_money, to_major
from domain.offers import Bounds


def beyond(bounds: Bounds | None, invoice: Document, earlier: Iterable[Document], currency: str) -> str | None:
    """Why the invoice is to be held, or None where it is within the bounds; `earlier` are the contract's documents."""
    if bounds is None or invoice.kind != "invoice":
        return None
    invoices = [one for one in earlier if one.kind == "invoice" and one.id != invoice.id and one.status != "void"]
    total = to_major(invoice.total_minor, currency)
    if bounds.total is not None and total > bounds.total:
        return f"its total of {format_money(invoice.total_minor, currency)} is above {bounds.total:,f}"
    if bounds.lines is not None and len(invoice.lines) > bounds.lines:
        return f"its {len(invoice.lines)} lines are more than {bounds.lines}"
    same_day = 1 + sum(one.issued_on == invoice.issued_on for one in invoices)
    if bounds.per_day is not None and same_day > bounds.per_day:
        return f"it is number {same_day} of {invoice.issued_on}, more than {bounds.per_day}"
    return _jump(bounds.change_percent, invoice, invoices, currency)


def _jump(percent: Decimal | None, invoice: Document, invoices: list[Document], currency: str) -> str | None:
    if percent is None or not invoices:
        return None
    last = max(invoices, key=lambda one: (one.issued_at, one.sequence))
    change = abs(invoice.total_minor - last.total_minor)
    if change * 100 <= percent * last.total_minor:
        return None
    before = format_money(last.total_minor, currency)
    return f"its total differs from the last one, {before}, by more than {percent:f} percent"
