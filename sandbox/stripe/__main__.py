"""`python -m sandbox.stripe`: the server as a process of its own."""

import argparse
import logging
from pathlib import Path

import uvicorn

from sandbox.stripe.server import StripeServer
from sandbox.stripe.webhooks import FIRST_RETRY_SECONDS


def main() -> None:
    options = _options()
    server = StripeServer(options.database, first_retry_seconds=options.webhook_first_retry_seconds)
    if options.webhook_url:
        server.register_webhook(
            options.webhook_url, secret=options.webhook_secret, events=options.webhook_events.split(",")
        )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    uvicorn.run(
        server,
        host=options.host,
        port=options.port,
        access_log=False,
        log_level="info",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.stripe", description="A Stripe-compatible server.")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--database", type=Path, required=True, help="SQLite file with all of its state")
    parser.add_argument("--webhook-url", help="endpoint to register at start, or to move there")
    parser.add_argument("--webhook-secret", help="signing secret of that endpoint")
    parser.add_argument("--webhook-events", default="*", help="its event types, comma-separated; * for all")
    parser.add_argument(
        "--webhook-first-retry-seconds",
        type=float,
        default=FIRST_RETRY_SECONDS,
        help="first wait; it doubles",
    )
    options = parser.parse_args()
    if options.webhook_url and not options.webhook_secret:
        parser.error("--webhook-url needs --webhook-secret")
    return options


if __name__ == "__main__":
    main()
