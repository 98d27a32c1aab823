"""Reads case files. What is wrong in them is told all at once: file, case, key, and the nearest word that is known."""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from cases.format import ACTIONS, KINDS, AnyCase, Scenario
from cases.yaml_text import parse
from domain.period import first_instant

SUFFIXES = (".yaml", ".yml")


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


@dataclass(frozen=True, slots=True)
class Found:
    """A case and the file that it stands in."""

    file: str
    case: AnyCase


def read(paths: Iterable[Path]) -> list[Found]:
    """The cases of files and folders, in the order of their names.

    Raises:
        Unreadable: if anything in them is unknown, missing, wrong or there twice.
    """
    found: list[Found] = []
    mistakes: list[Mistake] = []
    for file in _files(paths, mistakes):
        for item in _cases(file):
            if isinstance(item, Mistake):
                mistakes.append(item)
            else:
                found.append(item)
    mistakes += _twice(found)
    if mistakes:
        raise Unreadable(mistakes)
    return found


def read_scenario(file: Path, name: str | None = None) -> Scenario:
    """One scenario: the file's only one, or the one of that name. Without a list around it, it needs no name.

    Raises:
        Unreadable: if there is none, or it cannot be read.
    """
    content = _content(file)
    if isinstance(content, Mistake):
        raise Unreadable([content])
    if isinstance(content, Mapping):
        content = [{"name": file.stem.lower().replace("_", "-"), "kind": "scenario", **content}]
    read_cases = [_case(str(file), raw) for raw in content] if isinstance(content, list) else []
    mistakes = [m for one in read_cases if isinstance(one, list) for m in one]
    if mistakes:
        raise Unreadable(mistakes)
    scenarios = [f.case for f in read_cases if isinstance(f, Found) and isinstance(f.case, Scenario)]
    chosen = [one for one in scenarios if name in (None, one.name)]
    if len(chosen) != 1:
        known = ", ".join(one.name for one in scenarios) or "none"
        raise Unreadable([Mistake(str(file), name or "", "", f"name one of its scenarios with --case: {known}")])
    return chosen[0]


def parse_case(raw: object, file: str = "") -> AnyCase:
    """A case from what YAML or JSON says.

    Raises:
        Unreadable: if it cannot be read.
    """
    case = _case(file, raw)
    if isinstance(case, Found):
        return case.case
    raise Unreadable(case)


def _files(paths: Iterable[Path], mistakes: list[Mistake]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES)
            if not inside:
                mistakes.append(Mistake(str(path), "", "", "the folder holds no .yaml file"))
            yield from inside
        elif path.exists():
            yield path
        else:
            mistakes.append(Mistake(str(path), "", "", "there is no such file or folder"))


def _content(file: Path) -> object:
    try:
        return parse(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError) as error:
        return Mistake(str(file), "", "", f"not readable as YAML: {' '.join(str(error).split())}")


def _cases(file: Path) -> Iterator[Found | Mistake]:
    content = _content(file)
    if isinstance(content, Mistake):
        yield content
    elif not isinstance(content, list):
        yield Mistake(str(file), "", "", "expected a list of cases")
    else:
        for raw in content:
            case = _case(str(file), raw)
            if isinstance(case, Found):
                yield case
            else:
                yield from case


def _case(file: str, raw: object) -> Found | list[Mistake]:
    if not isinstance(raw, Mapping):
        return [Mistake(file, "", "", "a case is a mapping with a name and a kind")]
    name, kind = str(raw.get("name", "")), raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return [Mistake(file, name, "kind", f"{kind!r} is no kind of case{_nearest(str(kind), KINDS)}")]
    given = dict(raw)
    mistakes: list[Mistake] = []
    if kind == "scenario":
        given, mistakes = _scenario(file, name, given)
    try:
        case = KINDS[kind].model_validate(given)
    except ValidationError as error:
        mistakes = [*mistakes, *(_mistake(file, name, found) for found in error.errors())]
    else:
        if not mistakes:
            assert isinstance(case, AnyCase)
            return Found(file, case)
    return mistakes


def _scenario(file: str, name: str, given: dict[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """The scenario with its contract's terms whole, and its steps told apart by what they do."""
    mistakes: list[Mistake] = []
    if isinstance(given.get("contract"), Mapping):
        given["contract"], mistakes = _contract(file, name, given)
    steps = given.get("steps", [])
    if not isinstance(steps, list):
        return given, [*mistakes, Mistake(file, name, "steps", "expected a list of steps")]
    read_steps = []
    for index, raw in enumerate(steps):
        step = _step(file, name, f"steps[{index}]", raw)
        if isinstance(step, list):
            mistakes += step
        else:
            read_steps.append(step)
    given["steps"] = read_steps
    return given, [*mistakes, *_order(file, name, read_steps, str(given.get("timezone", "UTC")))]


def _contract(file: str, name: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    customer = given.get("customer")
    customer = customer if isinstance(customer, Mapping) else {}
    around = {key: given[key] for key in ("currency", "timezone", "meters") if key in given}
    around |= {key: customer[key] for key in ("tax", "pays") if key in customer}
    around.setdefault("currency", "USD")
    contract = dict(given["contract"])
    clash = [key for key in around if key in contract and contract[key] != around[key]]
    mistakes = [
        Mistake(file, name, f"contract.{key}", "stands outside the contract already, otherwise") for key in clash
    ]
    return {**contract, **around}, mistakes


def _step(file: str, name: str, path: str, raw: object) -> dict[str, Any] | list[Mistake]:
    if not isinstance(raw, Mapping):
        return [Mistake(file, name, path, "a step is a mapping with `at` and what happens")]
    actions = [key for key in raw if key != "at"]
    if len(actions) != 1:
        return [Mistake(file, name, path, f"a step does one thing beside `at`, not {len(actions)}: {actions}")]
    action = actions[0]
    if action not in ACTIONS:
        return [Mistake(file, name, f"{path}.{action}", f"unknown step{_nearest(str(action), ACTIONS)}")]
    try:
        body = ACTIONS[action].model_validate(raw[action] if raw[action] is not None else {})
    except ValidationError as error:
        return [_mistake(file, name, found, f"{path}.{action}") for found in error.errors()]
    if not isinstance(raw.get("at"), date):
        return [Mistake(file, name, f"{path}.at", "give a date, or an instant such as 2026-01-19T10:00:00Z")]
    return {"at": raw["at"], "action": action, "body": body}


def _order(file: str, name: str, steps: Sequence[Mapping[str, Any]], zone: str) -> Iterator[Mistake]:
    before: datetime | None = None
    for index, step in enumerate(steps):
        at = step["at"]
        if isinstance(at, datetime) and at.tzinfo is None:
            continue
        try:
            instant = at if isinstance(at, datetime) else first_instant(at, zone)
        except ValueError:
            return
        if before is not None and instant < before:
            yield Mistake(file, name, f"steps[{index}].at", f"{at} is before the step that stands before it")
        before = instant


def _twice(found: Sequence[Found]) -> Iterator[Mistake]:
    files: dict[str, str] = {}
    for one in found:
        if one.case.name in files:
            yield Mistake(one.file, one.case.name, "name", f"the name is taken in {files[one.case.name]}")
        files.setdefault(one.case.name, one.file)


def _mistake(file: str, name: str, error: Any, prefix: str = "") -> Mistake:
    path = prefix
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    message = str(error["msg"]).removeprefix("Value error, ")
    match error["type"]:
        case "extra_forbidden":
            message = f"unknown key{_nearest(str(error['loc'][-1]), _known_keys())}"
        case "missing":
            message = "this is missing"
        case "literal_error" | "union_tag_invalid":
            context = error.get("ctx", {})
            words = str(context.get("expected") or context.get("expected_tags")).replace(" or ", ", ")
            known = [word.strip(" '") for word in words.split(",")]
            given = error["input"]
            word = given.get("model", given.get("kind")) if isinstance(given, Mapping) else given
            message = f"unknown value {word!r}{_nearest(str(word), known)}"
    return Mistake(file, name, path, message)


def _nearest(word: str, known: Iterable[str]) -> str:
    known = list(known)
    close = get_close_matches(word, known, 1, 0.5)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}" if len(known) < 40 else ""


@cache
def _known_keys() -> tuple[str, ...]:
    """Every key that stands anywhere in the format."""
    keys: set[str] = set()
    seen: set[type] = set()
    waiting: list[Any] = [*KINDS.values(), *ACTIONS.values()]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind in seen:
                continue
            seen.add(kind)
            for field_name, field in kind.model_fields.items():
                keys.add(field.alias or field_name)
                waiting.append(field.annotation)
        elif typing.get_origin(kind) is not None or isinstance(kind, types.UnionType):
            waiting += [part for part in typing.get_args(kind) if part is not kind]
    return tuple(sorted(keys))
