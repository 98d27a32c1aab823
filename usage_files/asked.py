"""What the commands are asked for cannot be done."""


class Refused(Exception):
    """Why nothing can be done, or nothing more; the message is for the person who asked."""


class Unmappable(Exception):
    """Why a row is no event; `pointer` is the field of the event that it concerns."""

    def __init__(self, reason: str, pointer: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.pointer = pointer
