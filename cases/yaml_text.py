"""YAML as case files use it: no key twice, and nothing that the format would lose without a word."""

from collections.abc import Hashable
from typing import Any

import yaml

_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DuplicateKey(yaml.YAMLError):
    """A mapping names a key twice; YAML would keep the last and forget the first."""


class _Loader(_Base):  # type: ignore[misc,valid-type]  # the C loader where there is one
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
    found: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        # YAML 1.1 reads the word as a boolean; as a key it is the day of a cancellation.
        key = "on" if key is True and key_node.value == "on" else key
        if key in found:
            raise DuplicateKey(f"line {key_node.start_mark.line + 1}: the key {key!r} stands twice in one mapping")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> object:
    """What the YAML text says.

    Raises:
        yaml.YAMLError: if it is no YAML, or names a key twice.
    """
    return yaml.load(text, Loader=_Loader)
