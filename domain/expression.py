"""Arithmetic over the properties of a usage event; `models.usage_expression` states it in SQL.

`domain.expression_text` reads it out of what people write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation
from typing import Literal

from domain.filters import Property, number_of
from domain.money import round_ratio, trimmed
from domain.rating import QUOTIENT_DECIMALS

# What is not below it in size is no quantity; the same holds for numbers of events and terms when they are taken in.
LIMIT = Decimal("1E60")

Operator = Literal["+", "-", "*", "/"]
Function = Literal["min", "max", "ceil", "floor", "round", "abs"]

# A product of two numbers of 60 digits and 60 decimals fits.
_EXACT = Context(prec=300, rounding=ROUND_HALF_UP, traps=[InvalidOperation, DivisionByZero])
_HELD = Decimal(1).scaleb(-QUOTIENT_DECIMALS)


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class Name:
    """A property, or the event's own value where `property` is None."""

    property: str | None


@dataclass(frozen=True, slots=True)
class Negative:
    of: "Expression"


@dataclass(frozen=True, slots=True)
class Operation:
    operator: Operator
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of its arguments; `places` are the decimals to which `round` rounds, half away from zero."""

    function: Function
    arguments: tuple["Expression", ...]
    places: int = 0


Expression = Number | Name | Negative | Operation | Call


def evaluate(expression: Expression, value: Decimal | None, properties: Mapping[str, Property]) -> Decimal | None:
    """What the expression makes of an event; None if it names what the event lacks or what is no number there.

    The result of each step is held to `QUOTIENT_DECIMALS`, half away from zero. None too for a division by zero, and
    where a result is not below `LIMIT` in size. It has no zeros at the end of its decimals.
    """
    found = _value(expression, value, properties)
    return None if found is None else trimmed(found)


def _value(expression: Expression, value: Decimal | None, properties: Mapping[str, Property]) -> Decimal | None:
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Name):
        return value if expression.property is None else number_of(properties.get(expression.property))
    operands = _operands(expression)
    numbers = [number for one in operands if (number := _value(one, value, properties)) is not None]
    return _within(_applied(expression, numbers)) if len(numbers) == len(operands) else None


def _operands(step: Negative | Operation | Call) -> tuple[Expression, ...]:
    match step:
        case Negative():
            return (step.of,)
        case Operation():
            return step.left, step.right
        case Call():
            return step.arguments


def _applied(step: Negative | Operation | Call, numbers: list[Decimal]) -> Decimal | None:
    match step:
        case Negative():
            return numbers[0].copy_negate()
        case Operation():
            return _combined(step.operator, *numbers)
        case Call():
            return _called(step, numbers)


def _combined(operator: Operator, left: Decimal, right: Decimal) -> Decimal | None:
    match operator:
        case "+":
            return _EXACT.add(left, right)
        case "-":
            return _EXACT.subtract(left, right)
        case "*":
            return _EXACT.multiply(left, right).quantize(_HELD, context=_EXACT)
        case "/":
            return _quotient(left, right) if right else None


def _called(call: Call, numbers: list[Decimal]) -> Decimal:
    match call.function:
        case "min":
            return min(numbers)
        case "max":
            return max(numbers)
        case "ceil":
            return numbers[0].to_integral_value(ROUND_CEILING)
        case "floor":
            return numbers[0].to_integral_value(ROUND_FLOOR)
        case "round":
            return numbers[0].quantize(Decimal(1).scaleb(-call.places), context=_EXACT)
        case "abs":
            return numbers[0].copy_abs()


def _quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    above, below = dividend.as_integer_ratio(), divisor.as_integer_ratio()
    numerator, denominator = above[0] * below[1], above[1] * below[0]
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    held = round_ratio(numerator * 10**QUOTIENT_DECIMALS, denominator)
    return Decimal(held).scaleb(-QUOTIENT_DECIMALS, _EXACT)


def _within(number: Decimal | None) -> Decimal | None:
    return number if number is not None and -LIMIT < number < LIMIT else None
