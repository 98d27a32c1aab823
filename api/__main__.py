"""Serves the API: `python -m api`."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

import uvicorn
import uvloop

from api.app import create_app_from_settings
from logs import configure_logging
from settings import Settings, SettingsError, load_settings

KEEP_ALIVE_SECONDS = 30
SHUTDOWN_SECONDS = 20


def main() -> int:
    """Serve until told to stop; 2 where the settings do not let it start."""
    try:
        settings = load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there are no logs before there are settings
        return 2
    configure_logging(level=settings.log_level, as_json=settings.log_format == "json")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))
    return 0


class Server(uvicorn.Server):
    """Stops in order on SIGINT and SIGTERM, and then ends with 0 in place of the signal's own status."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def serve(settings: Settings) -> None:
    config = uvicorn.Config(
        await create_app_from_settings(settings),
        host=settings.api_host,
        port=settings.api_port,
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    await Server(config).serve()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The Temporal SDK's threads can abort CPython 3.11 while it takes itself down; there is nothing left to take down.
    os._exit(status)
