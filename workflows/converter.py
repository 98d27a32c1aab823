"""JSON for payloads, by pydantic."""

import functools
from typing import Any

from pydantic import TypeAdapter
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)

# Each workflow run has a converter of its own, and a run is one billing cycle: with a cache in the converter every
# cycle would build the schema of a contract's state anew, which costs more than all else that it does.
_adapter = functools.lru_cache(maxsize=1024)(TypeAdapter[Any])


class SharedSchemas(PydanticJSONPlainPayloadConverter):
    """As its base, with schemas that all runs of a process share."""

    def __init__(self) -> None:
        super().__init__(max_cached_type_adapters=0)
        self._type_adapter = _adapter


_JSON = SharedSchemas()


class PayloadConverter(CompositePayloadConverter):
    """The SDK's converters with pydantic in place of plain JSON."""

    def __init__(self) -> None:
        converters = DefaultPayloadConverter.default_encoding_payload_converters
        super().__init__(*(_JSON if isinstance(each, JSONPlainPayloadConverter) else each for each in converters))


data_converter = DataConverter(payload_converter_class=PayloadConverter)
