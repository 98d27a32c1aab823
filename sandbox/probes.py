"""Questions that tell whether a server answers."""

import urllib.error
import urllib.request
from typing import Final

import psycopg

TIMEOUT_SECONDS: Final = 2.0

# The parts are on the loopback address; a proxy that the environment names must not be asked for them.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http_ok(url: str) -> bool:
    """Whether a GET of `url` is answered with success."""
    try:
        with _direct.open(url, timeout=TIMEOUT_SECONDS) as response:
            return bool(200 <= response.status < 300)
    except (OSError, urllib.error.URLError):
        return False


def postgres_ok(url: str) -> bool:
    """Whether the database at the SQLAlchemy URL `url` answers a query."""
    try:
        with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=3) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False
