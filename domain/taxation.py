"""Which taxes a line bears."""

from typing import Protocol

from domain.line import Line
from domain.tax import TaxRate
from domain.terms import Terms


class TaxProvider(Protocol):
    """Knows the rates that a line of a contract bears, in the order in which they stand on its documents."""

    def rates(self, terms: Terms, line: Line) -> tuple[TaxRate, ...]:
        """The rates that the line bears: none where it is exempt."""
        ...


class StatedRates:
    """The table of rates in the contract's terms; a line bears all of them unless it names some."""

    def rates(self, terms: Terms, line: Line) -> tuple[TaxRate, ...]:
        if line.tax is None:
            return terms.tax
        return tuple(rate for rate in terms.tax if rate.name in line.tax)


STATED_RATES: TaxProvider = StatedRates()
