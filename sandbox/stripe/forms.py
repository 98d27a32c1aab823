"""Form-encoded bodies with nested keys (`metadata[order]=1`, `expand[0]=customer`) and typed access to them."""

from typing import Any
from urllib.parse import parse_qsl

from sandbox.stripe.errors import bad_parameter, missing_parameter

Pairs = list[tuple[str, str]]
TRUE_FALSE = {"true": True, "false": False, "1": True, "0": False}


def parse_pairs(raw: bytes) -> Pairs:
    """The decoded pairs in the order sent."""
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except ValueError as error:
        raise bad_parameter("The request body could not be read as a form.", param="") from error


def nested(pairs: Pairs) -> dict[str, Any]:
    """The pairs as nested dicts; a level whose keys are all numbers or empty becomes a list."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        head, *rest = name.replace("]", "").split("[")
        node = root
        for key, following in zip([head, *rest], rest, strict=False):
            child = node.setdefault(_slot(node, key), {})
            if not isinstance(child, dict):
                raise bad_parameter(f"Invalid nested parameter: {name}", param=following)
            node = child
        node[_slot(node, rest[-1] if rest else head)] = value
    # Metadata has keys of the caller's choice: numbers among them do not make it a list.
    return {key: value if key == "metadata" else _with_lists(value) for key, value in root.items()}


def _slot(node: dict[str, Any], key: str) -> str:
    return key or str(len(node))


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(child) for key, child in value.items()}


class Params:
    """The parameters of one request. A getter refuses what is not of its type, as Stripe does."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def allow(self, names: frozenset[str]) -> None:
        """Refuses parameters that the endpoint does not know."""
        if "payment_method_types" in self.values and "payment_method_types" not in names:
            raise bad_parameter(
                "payment_method_types is no longer supported; use allowed_payment_method_types.",
                param="payment_method_types",
                code="payment_method_types_no_longer_supported",
            )
        for name in self.values:
            if name not in names:
                raise bad_parameter(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise bad_parameter(f"Invalid string: {name}", param=name)
        return value

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing_parameter(name)
        return value

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.text(name) or default
        if value not in allowed:
            raise bad_parameter(f"Invalid {name}: must be one of {', '.join(allowed)}", param=name)
        return value

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise bad_parameter(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
        return int(value)

    def boolean(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value not in TRUE_FALSE:
            raise bad_parameter(f"Invalid boolean: {value}", param=name)
        return TRUE_FALSE[value]

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise bad_parameter(f"Invalid object: {name}", param=name)
        return value

    def texts(self, name: str) -> list[str] | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise bad_parameter(f"Invalid array: {name}", param=name)
        return list(value)

    def metadata(self, before: dict[str, str]) -> dict[str, str]:
        """`before` with the metadata sent merged in: an empty value removes its key, an empty string all keys."""
        if self.values.get("metadata") == "":
            return {}
        merged = dict(before)
        for key, value in (self.mapping("metadata") or {}).items():
            if not isinstance(value, str) or len(key) > 40 or len(value) > 500:
                raise bad_parameter("Metadata keys have up to 40 and values up to 500 characters.", param="metadata")
            if value:
                merged[key] = value
            else:
                merged.pop(key, None)
        if len(merged) > 50:
            raise bad_parameter("Metadata has up to 50 keys.", param="metadata")
        return merged
