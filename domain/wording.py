"""Prices in words, for people."""

from domain.prices import (
    Dynamic,
    Flat,
    Graduated,
    GraduatedPercentage,
    Matrix,
    Package,
    Percentage,
    PerUnit,
    Price,
    Stairstep,
    Volume,
)


def in_words(price: Price, currency: str) -> str:
    """A price as one phrase, amounts in the major unit, such as "38,000.00 USD each"."""
    words = _model(price, currency)
    if price.included:
        words += f", {price.included:,f} included"
    if price.minimum is not None:
        words += f", at least {price.minimum:,f} {currency}"
    if price.maximum is not None:
        words += f", at most {price.maximum:,f} {currency}"
    return words


def _model(price: Price, currency: str) -> str:
    match price:
        case Flat():
            return f"{price.amount:,f} {currency} flat"
        case PerUnit():
            return f"{price.amount:,f} {currency} each"
        case Package():
            return f"{price.amount:,f} {currency} for each started {price.size:,f}"
        case Graduated():
            return f"graduated prices from {price.tiers[0].unit:,f} {currency}"
        case Volume():
            return f"volume prices from {price.tiers[0].unit:,f} {currency}"
        case Stairstep():
            return f"steps from {price.tiers[0].flat:,f} {currency}"
        case _:
            return _by_events(price, currency)


def _by_events(price: Percentage | GraduatedPercentage | Dynamic | Matrix, currency: str) -> str:
    match price:
        case Percentage():
            fixed = f" and {price.fixed:,f} {currency} each" if price.fixed else ""
            return f"{price.rate:,f} percent{fixed}"
        case GraduatedPercentage():
            return f"graduated from {price.tiers[0].rate:,f} percent"
        case Dynamic():
            return "the amount of each event"
        case Matrix():
            units = sorted(cell.unit for cell in price.cells)
            return f"{units[0]:,f} to {units[-1]:,f} {currency} by property"
