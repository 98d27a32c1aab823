"""How much of one kind of work a process takes on at once; what is beyond is turned away before it is begun."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.problems import Problem

RETRY_AFTER_SECONDS: Final = 1


class Admission:
    """Places for work. Only the event loop asks for them, so that no lock is needed."""

    def __init__(self, places: int) -> None:
        self.free = places

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place until the block ends.

        Raises:
            Problem: none is free (429).
        """
        if self.free == 0:
            detail = (
                "The service has as much to store as it can. Nothing of this was stored; send it again in a moment."
            )
            raise Problem(429, "overloaded", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1
