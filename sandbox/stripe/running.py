"""The server inside a test: a thread with an event loop of its own, on a free port."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from sandbox.stripe.admin import StripeAdmin
from sandbox.stripe.server import StripeServer
from sandbox.stripe.webhooks import FIRST_RETRY_SECONDS

STARTS_WITHIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RunningStripe:
    """Where the server listens (`url`), and the admin client for it."""

    url: str
    admin: StripeAdmin
    database: Path


@contextmanager
def running_stripe(
    database: Path,
    *,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    first_retry_seconds: float = FIRST_RETRY_SECONDS,
) -> Iterator[RunningStripe]:
    """A running server on `database`; a file that already exists is carried on with."""
    application = StripeServer(database, first_retry_seconds=first_retry_seconds)
    if webhook_url is not None:
        if not webhook_secret:
            raise ValueError("webhook_url needs a webhook_secret")
        application.register_webhook(webhook_url, secret=webhook_secret, events=["*"])
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="sandbox-stripe", daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    admin = StripeAdmin(url)
    try:
        _wait_until_started(server, thread)
        yield RunningStripe(url, admin, database)
    finally:
        admin.close()
        server.should_exit = True
        thread.join()
        listening.close()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + STARTS_WITHIN_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the Stripe sandbox did not start")
        time.sleep(0.005)
