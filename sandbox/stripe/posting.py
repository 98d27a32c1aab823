"""One HTTP POST without an answer's body: all that a webhook needs."""

import asyncio
import contextlib
import ssl
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 10.0


async def post(url: str, payload: bytes, headers: dict[str, str]) -> int | None:
    """The status of the answer, or None if there was none in time."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            return await _post(url, payload, headers)
    except (OSError, TimeoutError, ValueError, EOFError):
        return None


async def _post(url: str, payload: bytes, headers: dict[str, str]) -> int:
    parts = urlsplit(url)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        lines = [
            f"POST {target} HTTP/1.1",
            f"Host: {parts.netloc.rpartition('@')[2]}",
            "Content-Type: application/json; charset=utf-8",
            "User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            f"Content-Length: {len(payload)}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
        await writer.drain()
        status_line = await reader.readuntil(b"\r\n")
        # Read to the end, so that the other side is not cut off while it still writes.
        await reader.read()
        return int(status_line.split(b" ", 2)[1])
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
