"""What is wrong in a file, told so that it can be corrected: where, why, and the nearest word that is known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from cases.places import Place, place

# More words than these are not listed.
LISTED_MAX = 40
# What a pattern asks for, by the pattern.
_PATTERNS = {
    r"^[a-z0-9]+(-[a-z0-9_]+)*$": "expected small letters and digits, joined by hyphens, such as price-rise-2026",
    r"^[A-Z]{3}$": "expected a currency of ISO 4217, such as USD",
    r"^\d{4}-(0[1-9]|1[0-2])$": "expected a month, such as 2026-01",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$": "expected letters, digits, `_`, `.` and `-`, 64 at most",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something in a file that cannot be read: `path` is where, such as `contract.lines[0].price`."""

    file: str
    case: str
    path: str
    message: str

    def __str__(self) -> str:
        where = f"case {self.case}: " if self.case else ""
        return f"{self.file}: {where}{f'{self.path}: ' if self.path else ''}{self.message}"


class Unreadable(Exception):
    """Files that hold mistakes; none of their cases is run."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def mistakes_in(
    model: type[BaseModel], error: ValidationError, file: str, case: str, prefix: str = ""
) -> list[Mistake]:
    """What a model refuses of a case, one mistake for each place; the model stands in the case at `prefix`."""
    found: dict[str, Mistake] = {}
    for one in error.errors():
        where = place(model, one["loc"], prefix)
        path, message = where.path, _message(one, where)
        if one["type"] == "union_tag_not_found":
            path = f"{path}.{_discriminator(one)}"
        found.setdefault(path, Mistake(file, case, path, message))
    return list(found.values())


def nearest(word: str, known: Iterable[str]) -> str:
    """What to write instead of `word`: the one that it is close to, else all that are known."""
    known = [name for name in known if name != word]
    close = get_close_matches(word, known, 1, 0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(known)}" if 0 < len(known) < LISTED_MAX else ""


def _message(error: Any, where: Place) -> str:
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key{nearest(str(error['loc'][-1]), where.keys)}"
        case "missing" | "union_tag_not_found":
            return "this is missing"
        case "literal_error" | "union_tag_invalid":
            return _unknown_value(error)
        case "string_pattern_mismatch":
            return _PATTERNS.get(error["ctx"]["pattern"], str(error["msg"]))
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected a mapping, got {error['input']!r}"
        case "tuple_type" | "list_type":
            return f"expected a list, got {error['input']!r}"
    return str(error["msg"]).removeprefix("Value error, ").removeprefix("Input ").removesuffix(", input is too short")


def _unknown_value(error: Any) -> str:
    context, given = error["ctx"], error["input"]
    words = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ")
    word = given.get(_discriminator(error)) if isinstance(given, Mapping) else given
    return f"unknown value {word!r}{nearest(str(word), (part.strip(chr(32) + chr(39)) for part in words.split(',')))}"


def _discriminator(error: Any) -> str:
    return str(error["ctx"].get("discriminator", "")).strip("'")
