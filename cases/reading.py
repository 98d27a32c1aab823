"""Reads case files. What is wrong in them is told all at once: file, case, key, and the nearest word that is known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cases.format import KINDS, AnyCase, Case, Scenario
from cases.mistakes import Mistake, Unreadable, mistakes_in, nearest
from cases.stated import ordered, stated_steps
from cases.yaml_text import parse

SUFFIXES = (".yaml", ".yml")


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
        content, twice = parse(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError) as error:
        return Mistake(str(file), "", "", f"not readable as YAML: {' '.join(str(error).split())}")
    return Mistake(str(file), "", "", "; ".join(twice)) if twice else content


def _cases(file: Path) -> Iterator[Found | Mistake]:
    content = _content(file)
    if isinstance(content, Mistake):
        yield content
    elif not isinstance(content, list) or not content:
        yield Mistake(str(file), "", "", "expected a list of cases")
    else:
        for number, raw in enumerate(content, 1):
            case = _case(str(file), raw, number)
            if isinstance(case, Found):
                yield case
            else:
                yield from case


def _case(file: str, raw: object, number: int = 1) -> Found | list[Mistake]:
    if not isinstance(raw, Mapping):
        return [Mistake(file, f"number {number}", "", "a case is a mapping with a name and a kind")]
    name, kind = str(raw.get("name") or f"number {number}"), raw.get("kind")
    if kind is None:
        return [Mistake(file, name, "kind", f"this is missing; known are {', '.join(KINDS)}")]
    if not isinstance(kind, str) or kind not in KINDS:
        return [Mistake(file, name, "kind", f"{kind!r} is no kind of case{nearest(str(kind), KINDS)}")]
    if kind == "scenario":
        return _scenario(file, name, raw)
    return _validated(file, name, KINDS[kind], raw)


def _validated(file: str, name: str, model: type[Case], given: Mapping[str, Any]) -> Found | list[Mistake]:
    try:
        case = model.model_validate(given)
    except ValidationError as error:
        return mistakes_in(model, error, file, name)
    assert isinstance(case, AnyCase)
    return Found(file, case)


def _scenario(file: str, name: str, raw: Mapping[str, Any]) -> Found | list[Mistake]:
    """The scenario with its contract's terms whole, and its steps told apart by what they do."""
    stated, mistakes = stated_steps(file, name, raw.get("steps", []))
    given = {**raw, "steps": [step for _, step in stated]}
    mistakes += ordered(file, name, stated, raw)
    outside = _outside(raw)
    if isinstance(raw.get("contract"), Mapping):
        given["contract"] = dict(raw["contract"])
        for key, (where, value) in outside.items():
            if given["contract"].get(key, value) != value:
                mistakes.append(Mistake(file, name, f"contract.{key}", f"give it beside the contract, under {where}"))
            given["contract"][key] = value
    found = _validated(file, name, Scenario, given)
    if isinstance(found, Found):
        return mistakes or found
    places: dict[str, Mistake] = {}
    for mistake in [*mistakes, *(_as_stated(one, outside) for one in found)]:
        places.setdefault(mistake.path, mistake)
    return list(places.values())


def _outside(raw: Mapping[str, Any]) -> dict[str, tuple[str, object]]:
    """What of the contract's terms stands outside of it in a case: where, and what it is."""
    given = raw.get("customer")
    customer = given if isinstance(given, Mapping) else {}
    around = {key: (key, raw[key]) for key in ("currency", "timezone", "meters") if key in raw}
    around |= {key: (f"customer.{key}", customer[key]) for key in ("tax", "pays") if key in customer}
    return {"currency": ("currency", "USD")} | around


def _as_stated(mistake: Mistake, outside: Mapping[str, tuple[str, object]]) -> Mistake:
    """The mistake where it stands in the case, if that is not in the contract."""
    for key, (where, _) in outside.items():
        inside = f"contract.{key}"
        if mistake.path == inside or mistake.path.startswith((f"{inside}.", f"{inside}[")):
            return replace(mistake, path=where + mistake.path.removeprefix(inside))
    return mistake


def _twice(found: Sequence[Found]) -> Iterator[Mistake]:
    files: dict[str, str] = {}
    for one in found:
        if one.case.name in files:
            yield Mistake(one.file, one.case.name, "name", f"the name is taken in {files[one.case.name]}")
        files.setdefault(one.case.name, one.file)
