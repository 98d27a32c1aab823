"""YAML as case files use it: words and numbers as they stand there, no key twice, and nothing lost without a word."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_TRUTH = {"true": True, "false": False}


class _Loader(_Base):  # type: ignore[misc,valid-type]  # the C loader where there is one
    """Loads one text, and notes the keys that it names twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: list[str] = []


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    stated: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == _MERGE:
            continue
        key = _key(loader, key_node)
        if key in stated:
            # YAML would keep the last and forget the first.
            loader.twice.append(f"line {key_node.start_mark.line + 1}: the key {key!s} stands twice in one mapping")
        stated.add(key)
    # What `<<` brings in comes first, so that what is stated here replaces it.
    loader.flatten_mapping(node)
    return {_key(loader, key): loader.construct_object(value, deep=True) for key, value in node.value}


def _key(loader: _Loader, node: yaml.Node) -> Hashable:
    key = loader.construct_object(node, deep=True)
    if not isinstance(key, Hashable):
        raise yaml.constructor.ConstructorError(None, None, "a key is one word", node.start_mark)
    return key


def _truth(_loader: _Loader, node: yaml.ScalarNode) -> object:
    """Only `true` and `false`: YAML 1.1 would also read Norway's `no` and the key `on`."""
    return _TRUTH.get(node.value.lower(), node.value)


def _whole(_loader: _Loader, node: yaml.ScalarNode) -> int | str:
    """Only decimal numbers: YAML 1.1 would read 0100 as 64 and 1:30 as 90."""
    return int(node.value.replace("_", "")) if _WHOLE.fullmatch(node.value) else str(node.value)


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> object:
    """A date or an instant; a day that does not exist stays text, so that whoever expects a date refuses it."""
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor(f"{_TAG}bool", _truth)
_Loader.add_constructor(f"{_TAG}int", _whole)
_Loader.add_constructor(f"{_TAG}timestamp", _timestamp)


def parse(text: str) -> tuple[object, list[str]]:
    """What the YAML text says, and the keys that it names twice.

    Raises:
        yaml.YAMLError: if it is no YAML.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data(), loader.twice
    finally:
        loader.dispose()
