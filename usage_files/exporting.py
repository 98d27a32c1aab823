"""An export: the events that the API lists, page by page, into a file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from api.pages import LIMIT_MAX
from usage_files.calling import Caller
from usage_files.writing import written

EVENTS: Final = "/v1/usage/events"


def export(path: Path, caller: Caller, filters: Mapping[str, str], told: Callable[[int], None]) -> int:
    """Write the events that the filters choose, and return how many they are.

    Raises:
        Refused: the API refuses the filters, or does not answer; there is no file then.
    """
    count = 0
    query: dict[str, str | int] = {"limit": LIMIT_MAX, **filters}
    with written(path) as writer:
        while True:
            page = caller.get(EVENTS, query)
            for item in page["items"]:
                writer.write(item)
            count += len(page["items"])
            told(count)
            if page["next_cursor"] is None:
                return count
            query["cursor"] = page["next_cursor"]
