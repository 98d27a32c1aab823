"""Serves the API: `python -m api`."""

import asyncio
import sys

import uvicorn
import uvloop

from api.app import create_app_from_settings
from api.logs import configure_logging
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
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    sys.exit(main())
