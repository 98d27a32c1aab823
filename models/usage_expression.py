"""A meter's expression in SQL, as `domain.expression` has it in memory."""

from decimal import Decimal

from domain.expression import LIMIT, Call, Expression, Name, Negative, Number, Operation
from domain.rating import QUOTIENT_DECIMALS

# A quotient of two numbers of 60 digits and 60 decimals is half of its last decimal or away from it by 1E-181: so far
# a division must go for its rounding to be that of the exact quotient. PostgreSQL goes as far as the dividend does.
EXACT_DECIMALS = 190
_LIMIT = str(LIMIT)


def number(expression: Expression) -> str:
    """The expression over columns of usage events; it names what `bound` binds and holds no word of the expression."""
    return f"trim_scale({_Statement(expression).text})"


def bound(expression: Expression) -> dict[str, object]:
    """The parameters of `number`."""
    return _Statement(expression).parameters


class _Statement:
    """The text and its parameters. Each operand stands in the text once, or it would double with every step."""

    def __init__(self, expression: Expression) -> None:
        self.parameters: dict[str, object] = {}
        self.text = self._of(expression)

    def _of(self, expression: Expression) -> str:
        match expression:
            case Number():
                return f"CAST({self._named(expression.value)} AS numeric)"
            case Name():
                return "value" if expression.property is None else self._property(expression.property)
            case Negative():
                return f"(- {self._of(expression.of)})"
            case Operation():
                return _within(_combined(expression, self._of(expression.left), self._of(expression.right)))
            case Call():
                return _within(self._called(expression))

    def _property(self, name: str) -> str:
        found = f"properties -> CAST({self._named(name)} AS text)"
        return f"CASE jsonb_typeof({found}) WHEN 'number' THEN CAST({found} AS numeric) END"

    def _called(self, call: Call) -> str:
        arguments = (self._of(one) for one in call.arguments)
        match call.function:
            case "min":
                return f"least({', '.join(_or(argument, f'-{_LIMIT}') for argument in arguments)})"
            case "max":
                return f"greatest({', '.join(_or(argument, _LIMIT) for argument in arguments)})"
            case "round":
                return f"round({next(arguments)}, CAST({self._named(call.places)} AS int))"
            case "ceil" | "floor" | "abs":
                return f"{call.function}({next(arguments)})"

    def _named(self, value: str | int | Decimal) -> str:
        name = f"expression_{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def _combined(operation: Operation, left: str, right: str) -> str:
    match operation.operator:
        case "+" | "-":
            return f"({left} {operation.operator} {right})"
        case "*":
            return f"round({left} * {right}, {QUOTIENT_DECIMALS})"
        case "/":
            return f"round(round({left}, {EXACT_DECIMALS}) / nullif({right}, 0), {QUOTIENT_DECIMALS})"


def _within(result: str) -> str:
    """Nothing where the result is nothing or not below the limit in size."""
    held = f"least(greatest({result}, -{_LIMIT}), {_LIMIT})"
    return f"nullif(nullif({held}, {_LIMIT}), -{_LIMIT})"


def _or(argument: str, otherwise: str) -> str:
    """`least` and `greatest` pass over what is nothing; this makes it their result, which is then beyond the limit."""
    return f"coalesce({argument}, {otherwise})"
