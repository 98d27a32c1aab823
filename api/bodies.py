"""Requests within bounds: bytes counted as they are read, JSON parsed once, depth, strings and object size limited."""

import asyncio
import json
from decimal import Decimal
from typing import Any, Final, NoReturn

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope

from api.cards import holds_card_number
from api.problems import Problem, invalid, malformed, too_large

BODY_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32
STRING_LENGTH_MAX: Final = 500
OBJECT_KEYS_MAX: Final = 200
READ_SECONDS_MAX: Final = 30


class BoundedRequest(Request):
    """A request whose body is JSON of at most `body_bytes_max` bytes, read within `READ_SECONDS_MAX` seconds."""

    def __init__(self, scope: Scope, receive: Receive, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        super().__init__(scope, receive)
        self._body_bytes_max = body_bytes_max

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await self._read()
        return self._body

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json

    def check_address(self) -> None:
        """Refuse a path or query with text that a body could not hold either.

        Raises:
            Problem: the text is refused.
        """
        check_text(str(self.scope["path"]), "")
        for name, value in self.query_params.multi_items():
            check_text(name, "")
            check_text(value, "")

    async def _read(self) -> bytes:
        _refuse_declared_size(self.headers, self._body_bytes_max)
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(READ_SECONDS_MAX):
                async for chunk in self.stream():
                    size += len(chunk)
                    if size > self._body_bytes_max:
                        raise too_large(self._body_bytes_max)
                    chunks.append(chunk)
        except TimeoutError:
            raise Problem(408, "body-too-slow", "The body did not arrive in time. Send it again.") from None
        body = b"".join(chunks)
        if body:
            _refuse_other_media(self.headers)
        return body


def _refuse_declared_size(headers: Headers, bytes_max: int) -> None:
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > bytes_max:
        raise too_large(bytes_max)


def _refuse_other_media(headers: Headers) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "unsupported-media-type", "Send the body as application/json.")


def parse_json(raw: bytes) -> Any:
    """The value in `raw`, decimals exact.

    Raises:
        Problem: not JSON (400), or beyond the bounds or with a card number in it (422).
    """
    value = load_json(raw)
    inspect(value)
    return value


def load_json(raw: bytes) -> Any:
    """The value in `raw`, decimals exact, its bounds not looked at.

    Raises:
        Problem: not JSON (400), or nested so deep that it cannot be read (422).
    """
    try:
        return json.loads(raw.decode(), parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError:
        raise malformed("The body is not UTF-8.") from None
    except json.JSONDecodeError as error:
        raise malformed(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    except (ValueError, ArithmeticError):
        raise malformed("The body is not JSON: a number is not finite or too long.") from None


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


def inspect(value: object, pointer: str = "") -> None:
    """Refuse a parsed value that is too deep, too wide or holds a card number.

    Raises:
        Problem: the value is refused; the pointer names where.
    """
    # A stack instead of recursion: the depth of the value is the caller's to choose.
    waiting: list[tuple[object, str, int]] = [(value, pointer, 1)]
    while waiting:
        found, where, depth = waiting.pop()
        match found:
            case dict() | list() if depth > DEPTH_MAX:
                raise _too_deep()
            case dict():
                _check_keys(found, where)
                waiting.extend((item, f"{where}/{_escaped(key)}", depth + 1) for key, item in found.items())
            case list():
                waiting.extend((item, f"{where}/{index}", depth + 1) for index, item in enumerate(found))
            case str():
                check_text(found, where)
            case int():
                _refuse_card_number(str(found), where)
            case _:
                pass


def check_text(text: str, pointer: str) -> None:
    """Refuse a text that is too long, that PostgreSQL cannot store, or that holds a card number.

    Raises:
        Problem: the text is refused.
    """
    if len(text) > STRING_LENGTH_MAX:
        raise invalid(f"The text is longer than {STRING_LENGTH_MAX} characters. Shorten it.", pointer)
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise invalid("The text holds a NUL or half of a surrogate pair. Remove it.", pointer)
    _refuse_card_number(text, pointer)


def _check_keys(found: dict[str, object], where: str) -> None:
    if len(found) > OBJECT_KEYS_MAX:
        raise invalid(f"The object has more than {OBJECT_KEYS_MAX} keys. Send fewer.", where)
    for key in found:
        check_text(key, where)


def _refuse_card_number(text: str, pointer: str) -> None:
    if holds_card_number(text):
        raise invalid(
            "This looks like a card number, which is never accepted here. Send the gateway's token instead.",
            pointer,
            code="card-number-refused",
        )


def _too_deep() -> Problem:
    return invalid(f"The body is nested deeper than {DEPTH_MAX} levels. Flatten it.")


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
