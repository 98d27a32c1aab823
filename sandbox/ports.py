"""Free ports on the loopback address."""

import socket
import time
from collections.abc import Iterable

HOST = "127.0.0.1"
# A killed process is gone from the process table a moment before its sockets are closed.
RELEASE_SECONDS_MAX = 1.0
POLL_SECONDS = 0.02


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        # Connections of an ended server may linger for a minute; they do not keep a new one from listening.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def becomes_free(port: int) -> bool:
    """Whether `port` is free now or as soon as a process that just ended has let go of it."""
    deadline = time.monotonic() + RELEASE_SECONDS_MAX
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def choose_port(preferred: Iterable[int], taken: set[int]) -> int:
    """The first of the `preferred` ports that is free and not in `taken`, else any that is."""
    for port in dict.fromkeys(preferred):
        if port not in taken and becomes_free(port):
            return port
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
