"""What a contract brings in month by month."""

from fractions import Fraction

from domain.interval import months_in
from domain.money import to_minor
from domain.rating import Usage, rate
from domain.state import ContractState


def monthly_value(state: ContractState) -> int:
    """The monthly recurring value of the lines with a fixed quantity that are served, in minor units.

    Usage and what is billed once are no part of it; a paused or ended contract has none.
    """
    if state.over or state.paused_on is not None:
        return 0
    served = {progress.id for progress in state.lines if not progress.removed}
    values = (
        Fraction(rate(line.price, Usage(line.units)).amount) / months_in(line.every)
        for line in state.terms.lines
        if line.meter is None and line.every != "once" and line.id in served
    )
    return to_minor(sum(values, Fraction(0)), state.terms.currency)
