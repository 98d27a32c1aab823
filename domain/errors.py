"""What a caller can get wrong.

    DomainError
    ├── RefusedChange       a change that the contract's state does not allow
    │   └── StaleVersion    the caller decided on an older version of the contract
    └── UnpricedUsage       usage that no cell of a price matrix covers

A decline, an empty invoice or an outage is a value, never one of these.
"""


class DomainError(Exception):
    """A request that cannot be carried out; `field` points at what to correct (a JSON pointer, or empty)."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class RefusedChange(DomainError):
    """A change that the contract's present state does not allow."""


class StaleVersion(RefusedChange):
    """The contract has moved on since the caller read it."""


class UnpricedUsage(DomainError):
    """Usage that no cell of a price matrix covers, or a quantity beyond the last tier."""
