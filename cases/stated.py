"""The steps of a scenario as a case states them: each says when, and one thing that happens."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from cases.format import ACTIONS, SendUsage
from cases.mistakes import Mistake, mistakes_in, nearest
from domain.period import first_instant

# A step's number in its case, from 0, and what it says.
Stated = Sequence[tuple[int, Mapping[str, Any]]]


def stated_steps(file: str, name: str, given: object) -> tuple[Stated, list[Mistake]]:
    """The steps that can be read, told apart by what they do, and what is wrong with the others."""
    if not isinstance(given, list):
        return [], [Mistake(file, name, "steps", "expected a list of steps")]
    steps: list[tuple[int, Mapping[str, Any]]] = []
    mistakes: list[Mistake] = []
    for index, raw in enumerate(given):
        step = _step(file, name, f"steps[{index}]", raw)
        if isinstance(step, list):
            mistakes += step
        else:
            steps.append((index, step))
    return steps, mistakes


def ordered(file: str, name: str, steps: Stated, case: Mapping[str, Any]) -> Iterator[Mistake]:
    """What is wrong between the steps and their case: their order, its end, its meters."""
    before, after = None, case.get("end")
    meters = [meter.get("id") for meter in case.get("meters") or () if isinstance(meter, Mapping)]
    for index, step in steps:
        at, body = _instant(step["at"], case), step["body"]
        if isinstance(body, SendUsage) and body.meter not in meters:
            message = f"{body.meter!r} is not among the meters{nearest(body.meter, map(str, meters))}"
            yield Mistake(file, name, f"steps[{index}].usage.meter", message)
        if at is None:
            return
        if before is not None and at < before:
            yield Mistake(file, name, f"steps[{index}].at", f"{step['at']} is before the step that stands before it")
        if isinstance(after, date) and (ends_at := _instant(after + timedelta(days=1), case)) and at >= ends_at:
            yield Mistake(file, name, f"steps[{index}].at", f"{step['at']} is after the scenario's end on {after}")
        before = at


def _instant(at: date, case: Mapping[str, Any]) -> datetime | None:
    """The instant; None where the case's time zone is none."""
    try:
        return at if isinstance(at, datetime) else first_instant(at, str(case.get("timezone", "UTC")))
    except ValueError:
        return None


def _step(file: str, name: str, path: str, raw: object) -> dict[str, Any] | list[Mistake]:
    if not isinstance(raw, Mapping):
        return [Mistake(file, name, path, "a step is a mapping with `at` and what happens")]
    actions = [key for key in raw if key != "at"]
    if len(actions) != 1:
        return [Mistake(file, name, path, f"a step does one thing beside `at`, not {len(actions)}: {actions}")]
    action, mistakes = actions[0], _wrong_at(file, name, path, raw.get("at"))
    if action not in ACTIONS:
        return [*mistakes, Mistake(file, name, f"{path}.{action}", f"unknown step{nearest(str(action), ACTIONS)}")]
    model = ACTIONS[action]
    try:
        body = model.model_validate(raw[action] if raw[action] is not None else {})
    except ValidationError as error:
        return [*mistakes, *mistakes_in(model, error, file, name, f"{path}.{action}")]
    return mistakes or {"at": raw["at"], "action": action, "body": body}


def _wrong_at(file: str, name: str, path: str, at: object) -> list[Mistake]:
    if not isinstance(at, date):
        return [Mistake(file, name, f"{path}.at", "give a date, or an instant such as 2026-01-19T10:00:00Z")]
    if isinstance(at, datetime) and at.tzinfo is None:
        return [Mistake(file, name, f"{path}.at", "an instant needs a time zone, such as 2026-01-19T10:00:00Z")]
    return []
