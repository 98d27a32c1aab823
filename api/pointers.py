"""JSON pointers to what is wrong in a body."""

from collections.abc import Sequence


def pointer_of(path: Sequence[str | int], body: object, *, missing: bool) -> str:
    """The JSON pointer of a validation error.

    The validator's path also names the branch of a union it tried. Only steps that exist in the body are kept, and the
    last one where it is the field that is missing.
    """
    steps: list[str] = []
    value = body
    for index, step in enumerate(path):
        if _has(value, step):
            value = value[step]  # type: ignore[index]
        elif not (missing and index == len(path) - 1):
            continue
        steps.append(escaped(str(step)))
    return "".join(f"/{step}" for step in steps)


def escaped(name: str) -> str:
    """The name as a step of a pointer (RFC 6901, section 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def _has(value: object, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value
