"""Reads the expression of a meter out of its text, by this grammar.

    sum      = product {("+" | "-") product}
    product  = factor {("*" | "/") factor}
    factor   = "-" factor | number | name | function "(" sum {"," sum} ")" | "(" sum ")"

A name is that of a property; `value` is the event's own value. One that holds a hyphen or starts with a digit stands
in double quotes.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import get_args

from domain.expression import Call, Expression, Function, Name, Negative, Number, Operation

LENGTH_MAX = 500
STEPS_MAX = 64
PLACES_MAX = 18

_VALUE = "value"
_TOKEN = re.compile(
    r"(?P<number>[0-9]+(?:\.[0-9]+)?)|(?P<name>[A-Za-z][A-Za-z0-9_.]*)"
    r'|"(?P<quoted>[A-Za-z0-9][A-Za-z0-9_.-]*)"|(?P<sign>[-+*/(),])'
)
_SHORT = re.compile(r"[0-9]{1,18}(\.[0-9]{1,12})?")
_NAME_LENGTH_MAX = 64
_SPACE = re.compile(r"[ \t\r\n]*")


class BadExpression(ValueError):
    """The text is no expression; the message says in which column, counted from 1."""

    def __init__(self, column: int, reason: str) -> None:
        super().__init__(f"column {column}: {reason}")


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """The expression that a text states.

    Raises:
        BadExpression: if it states none, or one of more than `LENGTH_MAX` characters or `STEPS_MAX` steps.
    """
    if len(text) > LENGTH_MAX:
        raise BadExpression(LENGTH_MAX + 1, f"an expression has at most {LENGTH_MAX} characters")
    return _Parser(text, _tokens(text)).whole()


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the text; at its end one without kind and text."""

    column: int
    kind: str | None = None
    text: str = ""


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = _after_space(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadExpression(at + 1, f"{text[at]!r} is no part of an expression")
        assert found.lastgroup is not None
        tokens.append(_Token(at + 1, found.lastgroup, found[found.lastgroup]))
        at = _after_space(text, found.end())
    return [*tokens, _Token(len(text) + 1)]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()


def _literal(token: _Token) -> Number:
    if not _SHORT.fullmatch(token.text):
        raise BadExpression(token.column, "a number has at most 18 digits before the point and 12 after it")
    return Number(Decimal(token.text))


@dataclass(slots=True)
class _Parser:
    """Reads tokens from left to right; each operator, function and bracket is a step."""

    text: str
    tokens: list[_Token]
    position: int = field(default=0)
    steps: int = field(default=0)

    def whole(self) -> Expression:
        found = self._sum()
        if self._token.kind is not None:
            raise self._unexpected("an operator")
        return found

    @property
    def _token(self) -> _Token:
        return self.tokens[self.position]

    def _sum(self) -> Expression:
        left = self._product()
        while (sign := self._taken("+", "-")) is not None:
            left = Operation("+" if sign == "+" else "-", left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._factor()
        while (sign := self._taken("*", "/")) is not None:
            left = Operation("*" if sign == "*" else "/", left, self._factor())
        return left

    def _factor(self) -> Expression:
        if self._taken("-"):
            return Negative(self._factor())
        if self._taken("("):
            inner = self._sum()
            self._expect(")")
            return inner
        token = self._token
        if token.kind in (None, "sign"):
            raise self._unexpected("a number, a name or '('")
        self.position += 1
        if token.kind == "number":
            return _literal(token)
        if token.kind == "name" and self._taken("("):
            return self._call(token)
        if len(token.text) > _NAME_LENGTH_MAX:
            raise BadExpression(token.column, f"a name has at most {_NAME_LENGTH_MAX} characters")
        return Name(None if token.text == _VALUE else token.text)

    def _call(self, name: _Token) -> Call:
        function = next((known for known in get_args(Function) if known == name.text), None)
        if function is None:
            known = ", ".join(get_args(Function))
            raise BadExpression(name.column, f"there is no function {name.text!r}; known are {known}")
        arguments = [self._sum()]
        places = 0
        if function == "round" and self._taken(","):
            places = self._places()
        while function in ("min", "max") and self._taken(","):
            arguments.append(self._sum())
        self._expect(")")
        return Call(function, tuple(arguments), places)

    def _places(self) -> int:
        negative, token = self._taken("-"), self._token
        if token.kind != "number" or not token.text.isdigit() or int(token.text) > PLACES_MAX:
            raise self._unexpected(f"a whole number from -{PLACES_MAX} to {PLACES_MAX}")
        self.position += 1
        return -int(token.text) if negative else int(token.text)

    def _taken(self, *signs: str) -> str | None:
        """The sign that comes next and is taken, where it is among these."""
        token = self._token
        if token.kind != "sign" or token.text not in signs:
            return None
        self.position += 1
        self.steps += token.text != ")"
        if self.steps > STEPS_MAX:
            raise BadExpression(token.column, f"an expression has at most {STEPS_MAX} operators, commas and brackets")
        return token.text

    def _expect(self, sign: str) -> None:
        if self._taken(sign) is None:
            raise self._unexpected(f"{sign!r}")

    def _unexpected(self, expected: str) -> BadExpression:
        token = self._token
        found = "the expression ends" if token.kind is None else f"{token.text!r} stands there"
        return BadExpression(token.column, f"expected {expected}, but {found}")
