"""Kills the worker with -9 while invoices are being issued, and starts it again."""

import os
import signal
import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from demo.client import ApiClient
from sandbox.stack import Stack
from settings import StackSettings

POLL_SECONDS: Final = 0.02
WORKER: Final = "worker"


@dataclass(frozen=True, slots=True)
class Outage:
    """The process that was killed, and how many of that day's invoices had been issued by then."""

    pid: int
    issued: int


def invoices_on(client: ApiClient, day: date) -> list[dict[str, Any]]:
    """The invoices of that day so far."""
    return list(client.items("/v1/invoices", issued_from=str(day), issued_to=str(day + timedelta(days=1))))


def kill_worker_amid(
    client: ApiClient, settings: StackSettings, day: date, *, invoices: int, advance: Future[Any]
) -> Outage | None:
    """Kills the worker once some but not all of the day's `invoices` exist, and starts it again.

    None where the clock had arrived before that could be seen.
    """
    worker = Stack(settings, only=[WORKER])
    while not advance.done():
        issued = len(invoices_on(client, day))
        if 0 < issued < invoices:
            (part,) = worker.status()
            if part.pid is not None:
                os.kill(part.pid, signal.SIGKILL)
                worker.up()
                return Outage(part.pid, issued)
        time.sleep(POLL_SECONDS)
    return None
