"""What a decision is accounted with: the books, the usage, the taxes; and the revenue that it has earned so far."""

from dataclasses import dataclass, field
from datetime import date

from domain.books import Books, Schedule, UsageSource
from domain.line import Line
from domain.revenue import Earning
from domain.state import ContractState, Decision
from domain.tax import TaxRate
from domain.taxation import TaxProvider
from domain.terms import Terms


@dataclass(slots=True)
class Matter:
    """One decision on its way into the books, on the local day `on`.

    `through` is the day up to which revenue is recognised, None where it is not. `used_before` is what was drawn of
    each grant before this decision.
    """

    books: Books
    decision: Decision
    usage: UsageSource
    taxes: TaxProvider
    on: date
    through: date | None
    earnings: list[Earning] = field(default_factory=list)
    used_before: dict[str, int] = field(default_factory=dict)

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

    def recognise(self, done: Schedule, earnings: list[Earning]) -> None:
        """Store a schedule with what it has earned."""
        self.books.keep(done)
        self.earnings += earnings


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
