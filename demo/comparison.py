"""Compares what the product says of the year with what the departures say it must be."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from demo import agreed
from demo.departures import SENT_TWICE, next_month
from demo.found import MONEY, Document, Found, collected
from demo.independent import Expected, ExpectedLine, total

DECLINED_ON = (date(2013, 3, 1), date(2013, 3, 2), date(2013, 3, 4))
PAID_ON = date(2013, 3, 6)
ZERO = Decimal(0)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One figure that is not what it must be."""

    what: str
    expected: str
    found: str


@dataclass(slots=True)
class Comparison:
    """How many figures of each kind were compared, and those that differ."""

    compared: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.disagreements and self.compared.total() > 0

    def check(self, kind: str, what: str, expected: object, found: object) -> None:
        """Counts one figure of its kind, and notes it where it differs."""
        self.compared[kind] += 1
        if expected != found:
            self.disagreements.append(Disagreement(what, _text(expected), _text(found)))


def compare(expected: Expected, found: Found) -> Comparison:
    """Every figure that both sides know."""
    comparison = Comparison()
    _compare_invoices(comparison, expected, found)
    _compare_payments(comparison, expected, found)
    _compare_ledger(comparison, expected, found)
    _compare_usage(comparison, expected, found)
    return comparison


def _compare_invoices(comparison: Comparison, expected: Expected, found: Found) -> None:
    documents = {(document.customer, document.on): document for document in found.documents}
    twice = Counter((document.customer, document.on) for document in found.documents)
    for key in sorted({*expected.invoices, *documents}):
        lines, document = expected.invoices.get(key), documents.get(key)
        wanted = () if lines is None else ("paid", 1, *(line.line for line in lines))
        got = () if document is None else (document.status, twice[key], *(line.line for line in document.lines))
        comparison.check("invoices", f"status, number and lines of the invoice of {_named(key)}", wanted, got)
        if lines is not None and document is not None:
            where = f"{document.number}, {_named(key)}"
            comparison.check("totals", f"total of {where}", total(lines), document.total)
            _compare_lines(comparison, where, lines, document)


def _compare_lines(comparison: Comparison, where: str, lines: tuple[ExpectedLine, ...], document: Document) -> None:
    for mine, theirs in zip(lines, document.lines, strict=False):
        comparison.check("line amounts", f"{mine.line} of {where}", mine.amount, theirs.amount)
        comparison.check("quantities", f"quantity of {mine.line} of {where}", mine.quantity, theirs.quantity)


def _compare_payments(comparison: Comparison, expected: Expected, found: Found) -> None:
    paid = [payment for payment in found.payments if payment.status == "succeeded"]
    comparison.check("payments", "invoices paid, each once", len(expected.invoices), len({p.invoice for p in paid}))
    comparison.check("payments", "payments", len(expected.invoices), len(found.payments))
    comparison.check("payments", "sum of payments", expected.total, sum((p.amount for p in paid), ZERO))
    comparison.check("payments", "captured at the gateway", expected.total, found.captured)
    tried = {p.invoice: tuple((a.on, a.status) for a in p.attempts) for p in found.payments if len(p.attempts) > 1}
    dunning = (*((on, "failed") for on in DECLINED_ON), (PAID_ON, "succeeded"))
    declined = {
        document.number: dunning
        for document in found.documents
        if (document.customer, document.on) == agreed.CARD_DECLINES[:2]
    }
    comparison.check("payments", "attempts at invoices that were declined", declined, tried)


def _compare_ledger(comparison: Comparison, expected: Expected, found: Found) -> None:
    for month in sorted({*expected.revenue, *found.revenue}):
        comparison.check("months of revenue", f"revenue of {month}", *_both(expected.revenue, found.revenue, month))
    for month in expected.revenue:
        wanted = {
            "deferred revenue on the 1st": expected.gates[month],
            "deferred revenue at the end": ZERO,
            "unbilled at the end": expected.used[month],
            "receivable at the end": ZERO,
            "money at the end": expected.issued_by(next_month(date.fromisoformat(f"{month}-01")) - ONE_DAY),
        }
        for (what, amount), got in zip(wanted.items(), _balances(found, month), strict=True):
            comparison.check("balances", f"{what} of {month}", amount, got)
    others = {account: balance for account, balance in found.balances.items() if balance and account not in MONEY}
    comparison.check("balances", "money in the trial balance", expected.total, collected(found.balances))
    comparison.check("balances", "the rest of the trial balance", {"revenue": -expected.total}, others)


def _balances(found: Found, month: str) -> tuple[Decimal, ...]:
    opened, closed = found.opening.get(month, {}), found.closing.get(month, {})
    claims = (closed.get(account, ZERO) for account in ("unbilled_receivable", "receivable"))
    deferred = (-opened.get("contract_position", ZERO), -closed.get("contract_position", ZERO))
    return (*deferred, *claims, collected(closed))


def _compare_usage(comparison: Comparison, expected: Expected, found: Found) -> None:
    twice = -(-expected.departures // SENT_TWICE)
    outcomes = {name: count for name, count in found.outcomes.items() if count}
    comparison.check(
        "counts of usage", "answers to events", {"accepted": expected.departures, "duplicate": twice}, outcomes
    )
    by_airline = Counter(event.customer for event in found.unmatched)
    for carrier in sorted({*expected.unmatched, *by_airline}):
        comparison.check("counts of usage", f"unmatched of {carrier}", *_both(expected.unmatched, by_airline, carrier))
    reasons = {event.reason for event in found.unmatched}
    comparison.check("counts of usage", "reasons of unmatched departures", {"outside_term"}, reasons)


def _both(expected: Mapping[str, object], found: Mapping[str, object], key: str) -> tuple[object, object]:
    return expected.get(key), found.get(key)


def _named(key: tuple[str, date]) -> str:
    return f"{key[0]} {key[1]}"


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple | set):
        return ", ".join(_text(item) for item in value) or "none"
    return str(value)
