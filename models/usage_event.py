"""A usage event, as it is taken in."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final, NamedTuple

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class UsageEvent(NamedTuple):
    """Something that was used at the instant `at`, unique by `(source, event_id)`.

    It belongs to the contract `contract_id`, or without one to the contract of the customer `customer_key` whose
    term holds `at`. Numbers in `properties` are integers or decimals.
    """

    source: str
    event_id: str
    event: str
    at: datetime
    customer_key: str | None = None
    contract_id: str | None = None
    value: Decimal | int | None = None
    properties: Mapping[str, object] = _NOTHING

    @property
    def address(self) -> str:
        return self.contract_id or self.customer_key or ""
