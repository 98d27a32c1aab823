"""Compares a story with what a scenario expects; only what is named is compared."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from cases.balances import balances, revenue, revenue_by_line, unbalanced
from cases.expected import Expected, ExpectedCreditNote, ExpectedInvoice, ExpectedLine
from cases.story import Story, StoryDocument, StoryLine
from domain.line import Frozen
from domain.money import exponent

ZERO = Decimal(0)


def differences(expected: Expected, story: Story) -> list[str]:
    """What differs, each as `field: expected X, got Y`; an entry that does not balance differs always."""
    found = [f"journal: entry {entry} does not balance" for entry in unbalanced(story)]
    show = Shown(story.currency)
    if expected.status is not None and expected.status != story.status:
        found.append(f"status: expected {expected.status}, got {story.status}")
    if expected.invoices is not None:
        found += _documents("invoices", expected.invoices, story.invoices, show)
    if expected.credit_notes is not None:
        found += _documents("credit_notes", expected.credit_notes, story.credit_notes, show)
    if expected.revenue is not None:
        found += show.months("revenue", expected.revenue, revenue(story))
    for line, months in (expected.revenue_by_line or {}).items():
        found += show.months(f"revenue_by_line.{line}", months, revenue_by_line(story).get(line, {}))
    for day, names in (expected.balances or {}).items():
        found += _balances(story, day, names, show)
    return found


class Shown:
    """Amounts as the currency writes them."""

    def __init__(self, currency: str) -> None:
        self._quantum = Decimal(1).scaleb(-exponent(currency))

    def amount(self, value: Decimal) -> str:
        return f"{value.quantize(self._quantum):f}" if value == value.quantize(self._quantum) else f"{value:f}"

    def months(self, field: str, expected: Mapping[str, Decimal], got: Mapping[str, Decimal]) -> Iterator[str]:
        """The months that differ; one without an amount has 0."""
        for month, amount in expected.items():
            if got.get(month, ZERO) != amount:
                yield f"{field}.{month}: expected {self.amount(amount)}, got {self.amount(got.get(month, ZERO))}"

    def value(self, value: object) -> str:
        match value:
            case Decimal():
                return self.amount(value)
            case tuple():
                return f"[{', '.join(self.value(part) for part in value)}]"
            case _:
                return str(value)


def _documents(
    field: str,
    expected: Sequence[ExpectedInvoice] | Sequence[ExpectedCreditNote],
    got: Sequence[StoryDocument],
    show: Shown,
) -> Iterator[str]:
    if len(expected) != len(got):
        listed = ", ".join(f"{document.date} {show.amount(document.total)}" for document in got) or "none"
        yield f"{field}: expected {len(expected)}, got {len(got)} ({listed})"
        return
    pairs: Iterator[tuple[ExpectedInvoice | ExpectedCreditNote, StoryDocument]] = zip(expected, got, strict=True)
    for index, (wanted, document) in enumerate(pairs):
        yield from _fields(f"{field}[{index}]", wanted, document, show)
        if wanted.lines is not None:
            yield from _lines(f"{field}[{index}].lines", wanted.lines, document.lines, show)


def _lines(field: str, expected: Sequence[ExpectedLine], got: Sequence[StoryLine], show: Shown) -> Iterator[str]:
    if len(expected) != len(got):
        listed = ", ".join(f"{line.line} {show.amount(line.amount)}" for line in got) or "none"
        yield f"{field}: expected {len(expected)}, got {len(got)} ({listed})"
        return
    for index, (wanted, line) in enumerate(zip(expected, got, strict=True)):
        yield from _fields(f"{field}[{index}]", wanted, line, show)


def _fields(field: str, expected: Frozen, got: object, show: Shown) -> Iterator[str]:
    # In the order of the format: that of a set would change from one run to the next.
    for name in type(expected).model_fields:
        if name == "lines" or name not in expected.model_fields_set:
            continue
        wanted: Any = getattr(expected, name)
        found: Any = getattr(got, name)
        if wanted != found:
            yield f"{field}.{name}: expected {show.value(wanted)}, got {show.value(found)}"


def _balances(story: Story, day: date, expected: Mapping[Any, Decimal], show: Shown) -> Iterator[str]:
    got = balances(story, day)
    for name, amount in expected.items():
        if got[name] != amount:
            yield f"balances.{day}.{name}: expected {show.amount(amount)}, got {show.amount(got[name])}"
