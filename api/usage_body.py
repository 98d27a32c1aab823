"""The shapes in which usage may be sent, by media type, as the OpenAPI document tells them."""

from typing import Any, Final

import orjson

from api.bodies import JSON
from api.usage_batches import BATCH_EVENTS_MAX
from api.usage_events import DEFAULT_SOURCE
from api.usage_fields import ID_LENGTH_MAX, PROPERTIES_MAX

LINES: Final = "application/x-ndjson"
CLOUD_EVENT: Final = "application/cloudevents+json"
CLOUD_BATCH: Final = "application/cloudevents-batch+json"
MEDIA_TYPES: Final = (JSON, LINES, CLOUD_BATCH, CLOUD_EVENT)

_EVENT_EXAMPLE: Final = {
    "id": "N14228-2013-01-01T05:17",
    "source": "departures",
    "customer": "airline-UA",
    "event": "departure",
    "at": "2013-01-01T05:17:00-05:00",
    "value": 1,
    "properties": {"origin": "EWR", "seats": 149},
}
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": ID_LENGTH_MAX}
_EVENT_SCHEMA: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "event", "at"],
    "oneOf": [{"required": ["customer"]}, {"required": ["contract"]}],
    "properties": {
        "id": {**_TEXT, "description": "Unique within its source."},
        "source": {**_TEXT, "default": DEFAULT_SOURCE, "description": "Which system counted it."},
        "customer": {**_TEXT, "description": "The customer's key: the event goes to the contract in force at `at`."},
        "contract": {**_TEXT, "description": "The contract's id, in place of the customer."},
        "event": {**_TEXT, "description": "What happened; meters choose by it."},
        "at": {"type": "string", "format": "date-time"},
        "value": {"type": "number"},
        "properties": {
            "type": "object",
            "maxProperties": PROPERTIES_MAX,
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    },
}
_CLOUD_EXAMPLE: Final = {
    "specversion": "1.0",
    "id": "N14228-2013-01-01T05:17",
    "source": "/departures",
    "type": "departure",
    "subject": "airline-UA",
    "time": "2013-01-01T05:17:00-05:00",
    "data": {"value": 1, "origin": "EWR", "seats": 149},
}
_CLOUD_SCHEMA: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time"],
    "anyOf": [{"required": ["subject"]}, {"required": ["contractid"]}],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "description": "Unique within its source."},
        "source": {**_TEXT, "description": "Which system counted it."},
        "type": {**_TEXT, "description": "What happened; meters choose by it."},
        "subject": {**_TEXT, "description": "The customer's key: the event goes to the contract in force at `time`."},
        "contractid": {**_TEXT, "description": "The contract's id; the subject is then not read."},
        "time": {"type": "string", "format": "date-time"},
        "data": {
            "type": "object",
            "maxProperties": PROPERTIES_MAX + 1,
            "properties": {"value": {"type": "number"}},
            "additionalProperties": {"type": ["string", "number", "boolean"]},
        },
    },
}
_CLOUD_EVENTS_SCHEMA: Final = {"type": "array", "items": _CLOUD_SCHEMA, "maxItems": BATCH_EVENTS_MAX}
_EVENTS_SCHEMA: Final = {
    "type": "array",
    "items": {"anyOf": [_EVENT_SCHEMA, _CLOUD_SCHEMA]},
    "maxItems": BATCH_EVENTS_MAX,
}
_WRAPPED_SCHEMA: Final = {"type": "object", "required": ["events"], "properties": {"events": _EVENTS_SCHEMA}}

REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        JSON: {
            "schema": {"oneOf": [_EVENTS_SCHEMA, {**_WRAPPED_SCHEMA, "additionalProperties": False}]},
            "example": [_EVENT_EXAMPLE],
        },
        LINES: {
            "schema": {"type": "string", "description": "One event a line, each as in the array."},
            "example": orjson.dumps(_EVENT_EXAMPLE).decode() + "\n",
        },
        CLOUD_BATCH: {"schema": _CLOUD_EVENTS_SCHEMA, "example": [_CLOUD_EXAMPLE]},
        CLOUD_EVENT: {"schema": _CLOUD_SCHEMA, "example": _CLOUD_EXAMPLE},
    },
}
