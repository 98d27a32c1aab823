"""A real API on a port, the commands that ask it, and the contract whose usage they send."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typer.testing import CliRunner, Result

from api.app import create_app
from api.credentials import mint
from cli import app as commands
from logs import configure_logging
from models.database import Database
from tests.api.given import PEPPER, WEBHOOK_SECRET, Clock, FakeGateway, rows
from tests.models.usage_samples import sign

# What is done with the request of this number in place of serving it; None serves it.
Fault = Callable[[int], str | None]


@dataclass
class LiveApi:
    """The address and key of the API; `fault` disturbs requests that send usage, counted from 1."""

    url: str
    key: str
    database: Database
    fault: Fault = lambda _number: None
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stored(self) -> list[tuple[Any, ...]]:
        return rows(self.database, "SELECT event_id, contract_id FROM usage_event ORDER BY event_id")

    def count(self) -> int:
        [(count,)] = rows(self.database, "SELECT count(*) FROM usage_event")
        return int(count)


class Disturbed:
    """The API as a bad line shows it: busy, broken, or cut off after it has stored what was sent."""

    def __init__(self, app: ASGIApp, live: LiveApi) -> None:
        self._app, self._live = app, live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        with self._live.lock:
            self._live.sent += 1
            fault = self._live.fault(self._live.sent)
        if fault == "cut":
            await self._app(scope, receive, _cut(send))
        elif fault is not None:
            headers = [(b"content-length", b"0"), (b"retry-after", b"0")]
            await send({"type": "http.response.start", "status": int(fault), "headers": headers})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, send)


def _cut(send: Send) -> Send:
    async def half(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": message["body"][: len(message["body"]) // 2], "more_body": True}
        await send(message)

    return half


@pytest.fixture
def live(database: Database) -> Iterator[LiveApi]:
    """The API over HTTP, with a contract of the customer UA from 2013 on."""
    configure_logging(level="critical", as_json=True)
    database.run(lambda session: sign(session, "UA", starts_at=datetime(2013, 1, 1, tzinfo=UTC)))
    clock, key = Clock(), mint("test")
    api = create_app(
        database=database,
        gateway=FakeGateway(clock),
        webhook_secrets=[WEBHOOK_SECRET],
        api_key_pepper=PEPPER,
        bootstrap_api_key=key,
        clock=clock,
    )
    made = LiveApi("", key, database)
    config = uvicorn.Config(
        Disturbed(api, made), port=0, loop="asyncio", ws="none", lifespan="on", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the API stopped before it served"
        thread.join(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join()


@dataclass
class Commands:
    """Runs `perennial usage ...` on files of a folder."""

    live: LiveApi
    folder: Path

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *arguments: object) -> Result:
        where = ("--url", self.live.url, "--api-key", self.live.key, "--json")
        return CliRunner().invoke(commands, ["usage", *map(str, arguments), *where])

    def imported(self, file: Path, *options: object) -> dict[str, Any]:
        """What an import says of itself, with its exit status as `status`."""
        answer = self.run("import", file, *options)
        assert answer.exit_code in (0, 2), answer.output
        return {**json.loads(answer.stdout), "status": answer.exit_code}

    def refused(self, *arguments: object) -> str:
        answer = self.run(*arguments)
        assert answer.exit_code == 1, answer.output
        return " ".join(answer.stderr.split())


@pytest.fixture
def usage(live: LiveApi, tmp_path: Path) -> Commands:
    return Commands(live, tmp_path)


def counts(summary: dict[str, Any]) -> tuple[int, ...]:
    """Accepted, duplicate, conflict, rejected, and the exit status."""
    return tuple(summary[name] for name in ("accepted", "duplicate", "conflict", "rejected", "status"))


def reasons(rejects: Path) -> list[tuple[int, str, str]]:
    """Row, pointer and reason of each reject."""
    found = [json.loads(line) for line in rejects.read_text().splitlines()]
    return [(one["row"], one["pointer"], one["reason"]) for one in found]
