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
    stated: set[Hashable] = set()
    for key_node, _ in node.value:
        key = _key(loader, key_node)
        if key in stated:
            raise DuplicateKey(f"line {key_node.start_mark.line + 1}: the key {key!r} stands twice in one mapping")
        stated.add(key)
    # What `<<` brings in comes first, so that what is stated here replaces it.
    loader.flatten_mapping(node)
    return {_key(loader, key): loader.construct_object(value, deep=True) for key, value in node.value}


def _key(loader: _Loader, node: yaml.Node) -> Hashable:
    key: Hashable = loader.construct_object(node, deep=True)
    # YAML 1.1 reads the word as a boolean; as a key it is the day of a cancellation.
    return "on" if key is True and node.value == "on" else key


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> object:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        line = node.start_mark.line + 1
        raise yaml.constructor.ConstructorError(problem=f"line {line}: there is no date {node.value}") from None


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def parse(text: str) -> object:
    """What the YAML text says.

    Raises:
        yaml.YAMLError: if it is no YAML, or names a key twice.
    """
    return yaml.load(text, Loader=_Loader)
