"""What a decision is accounted with: the books, the usage, the taxes; and the revenue that it has earned so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from domain.books import Basis, Books, UsageSource
from domain.line import Line
from domain.revenue import Earning
from domain.state import ContractState, Decision
from domain.tax import TaxRate
from domain.taxation import TaxProvider
from domain.terms import Terms

ONE_DAY = timedelta(days=1)

# What each line earned, by the account that it is taken from.
Sums = dict[tuple[str, Basis], int]


def posting_day(books: Books, on: date, known_on: date) -> date:
    """The day that something of the day `on` is posted on: in a closed month the day on which it became known."""
    if books.closed_until is None or on >= books.closed_until:
        return on
    return max(known_on, books.closed_until)


@dataclass(slots=True)
class Matter:
    """One decision on its way into the books, on the local day `on`.

    `through` is the day up to which revenue is recognised. `earned` gathers revenue by the day that it is posted on
    and the day on which it was earned. `used_before` is what was drawn of each grant before this decision, `used_now`
    what is with what runs. `planned` are the lines whose revenue follows a plan over the term.
    """

    books: Books
    decision: Decision
    usage: UsageSource
    taxes: TaxProvider
    on: date
    through: date
    earned: dict[tuple[date, date], Sums] = field(default_factory=dict)
    used_before: dict[str, int] = field(default_factory=dict)
    used_now: dict[str, int] = field(default_factory=dict)
    planned: frozenset[str] = frozenset()

    @property
    def state(self) -> ContractState:
        return self.decision.state

    @property
    def terms(self) -> Terms:
        return self.decision.state.terms

    def rates(self, line_id: str) -> tuple[TaxRate, ...]:
        """The taxes that a line bears. A commitment or prepaid credits bear those of the first of their lines."""
        terms = self.terms
        return self.taxes.rates(terms, _taxed_line(terms, line_id)) if terms.tax else ()

    def earn(self, earnings: Iterable[Earning], *, known_on: date) -> None:
        """Add revenue. What was earned in a closed month is posted on the day on which it became known."""
        for line_id, basis, on, amount_minor in earnings:
            sums = self.earned.setdefault((posting_day(self.books, on, known_on), on), {})
            sums[line_id, basis] = sums.get((line_id, basis), 0) + amount_minor


def _taxed_line(terms: Terms, line_id: str) -> Line:
    for line in terms.lines:
        if line.id == line_id:
            return line
    for commitment in terms.commitments:
        if commitment.id == line_id:
            return terms.line(commitment.lines[0])
    for credit in terms.credits:
        if credit.id == line_id and credit.lines:
            return terms.line(credit.lines[0])
    return next(line for line in terms.lines if line.meter is not None)
