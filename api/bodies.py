"""Requests within bounds: bytes counted as they are read, JSON parsed once, depth, strings and object size limited."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope

from api.cards import holds_card_number
from api.decoding import NotJson, decode
from api.problems import Problem, invalid, malformed, too_large
from api.unpacking import unpacker

JSON: Final = "application/json"
BODY_BYTES_MAX: Final = 1024 * 1024
PIECE_BYTES: Final = 64 * 1024
DEPTH_MAX: Final = 32
STRING_LENGTH_MAX: Final = 500
OBJECT_KEYS_MAX: Final = 200
READ_SECONDS_MAX: Final = 30


class BoundedRequest(Request):
    """A request whose body has at most `body_bytes_max` bytes, also unpacked, and arrives in `READ_SECONDS_MAX` s."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        *,
        body_bytes_max: int = BODY_BYTES_MAX,
        media_types: tuple[str, ...] = (JSON,),
        takes_gzip: bool = False,
    ) -> None:
        super().__init__(scope, receive)
        self._body_bytes_max = body_bytes_max
        self._media_types = media_types
        self._takes_gzip = takes_gzip

    @property
    def media_type(self) -> str:
        """What the body says it is, without parameters; empty where it says nothing."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = b"".join([piece async for piece in self.pieces()])
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

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yields the body as it comes, in pieces of `PIECE_BYTES` or a little more; the last may be short.

        Raises:
            Problem: too large, too slow, of another media type or encoding, or damaged.
        """
        waiting: list[bytes] = []
        size = yielded = 0
        async for part in self._parts():
            size += len(part)
            if size > self._body_bytes_max:
                raise too_large(self._body_bytes_max)
            waiting.append(part)
            if size - yielded >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting, yielded = [], size
        if size and self.media_type not in self._media_types:
            raise Problem(415, "unsupported-media-type", f"Send the body as {' or '.join(self._media_types)}.")
        yield b"".join(waiting)

    async def _parts(self) -> AsyncIterator[bytes]:
        """Yields the body unpacked; what was packed is held to the same size, or it could go on without a byte."""
        unpack = unpacker(self.headers.getlist("content-encoding"), takes_gzip=self._takes_gzip)
        if unpack is None:
            async for chunk in self._chunks():
                yield chunk
            return
        size = 0
        async for chunk in self._chunks():
            size += len(chunk)
            if size > self._body_bytes_max:
                raise too_large(self._body_bytes_max)
            for part in unpack.feed(chunk):
                yield part
        unpack.finish()

    async def _chunks(self) -> AsyncIterator[bytes]:
        _refuse_declared_size(self.headers, self._body_bytes_max)
        deadline = asyncio.get_running_loop().time() + READ_SECONDS_MAX
        stream = self.stream()
        while True:
            try:
                # Only the waiting is timed: a time-out around a yield would strike whoever is at work then.
                async with asyncio.timeout_at(deadline):
                    chunk = await anext(stream, None)
            except TimeoutError:
                raise Problem(408, "body-too-slow", "The body did not arrive in time. Send it again.") from None
            if chunk is None:
                return
            yield chunk


def _refuse_declared_size(headers: Headers, bytes_max: int) -> None:
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > bytes_max:
        raise too_large(bytes_max)


def parse_json(raw: bytes) -> Any:
    """The value in `raw`, decimals exact.

    Raises:
        Problem: not JSON (400), or beyond the bounds or with a card number in it (422).
    """
    value = load_json(raw)
    inspect(value)
    return value


def load_json(raw: bytes, *, any_number: bool = False) -> Any:
    """The value in `raw`, decimals exact, its bounds not looked at.

    Raises:
        Problem: not JSON (400), or nested so deep that it cannot be read (422).
    """
    try:
        return decode(raw, any_number=any_number)
    except RecursionError:
        raise _too_deep() from None
    except NotJson as error:
        place = f" at line {error.line}, column {error.column}" if error.line else ""
        raise malformed(f"The body is {error.reason}{place}.") from None


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
