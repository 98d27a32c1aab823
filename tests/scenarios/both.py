"""Lives one scenario on both engines, refused steps included, and tells where they differ."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import fields
from datetime import date, datetime
from typing import Any

import yaml

from cases import format as form
from cases.contract import Contract
from cases.memory import Memory, perform
from cases.reading import parse_case
from cases.story import Story
from cases.temporal import WIDTH
from cases.temporal_life import Life, System
from cases.temporal_story import read_story
from domain.balances import REPORTED_AS
from domain.commands import ChangeType
from domain.errors import DomainError
from tests.cases.lived import command

# The instant of a step, what it does, and the field at which it was refused.
Refused = tuple[str, str, str]
# A posting's day, account and line.
Place = tuple[date, str, str]


class Differs(Exception):
    """The engines do not agree."""


class Both:
    """An engine that is two; refused steps leave no trace, and the story goes on."""

    width = WIDTH

    def __init__(self, system: System) -> None:
        self._system = system

    def run(self, scenario: form.Scenario) -> Story:
        """The story of both engines.

        Raises:
            Differs: if they do not tell the same.
        """
        memory = ForgivingMemory()
        story = memory.run(scenario)
        with closing(ForgivingLife(self._system, scenario, scenario.name)) as life:
            life.live()
            other = read_story(life.api, self._system.database, life.contract_id)
        found = [*_differing("refused", memory.refused, life.refused), *differences(story, other)]
        if found:
            raise Differs("\n".join(found))
        return story


class ForgivingMemory(Memory):
    """The engine in memory, which notes what is refused."""

    def __init__(self) -> None:
        self.refused: list[Refused] = []

    def _perform(self, contract: Contract, scenario: form.Scenario, step: form.Step, at: datetime) -> None:
        try:
            if isinstance(step.body, ChangeType):
                contract.apply(step.body, at)
            else:
                perform(contract, scenario, step, at)
        except DomainError as refusal:
            self.refused.append((str(step.at), step.action, refusal.field))


class ForgivingLife(Life):
    """A contract on the whole system, which notes what is refused."""

    def __init__(self, system: System, scenario: form.Scenario, book: str) -> None:
        self.refused: list[Refused] = []
        super().__init__(system, scenario, book)

    def _perform(self, step: form.Step) -> None:
        try:
            if isinstance(step.body, ChangeType):
                self._change(step.body)
            else:
                super()._perform(step)
        except DomainError as refusal:
            self.refused.append((str(step.at), step.action, refusal.field))


def scenario_of(raw: Mapping[str, Any], name: str) -> form.Scenario:
    """The scenario with its steps that no case file has: each a `command` as the API takes it."""
    stated = [step for step in raw["steps"] if "command" not in step]
    scenario = parse_case({**raw, "name": name, "steps": stated})
    assert isinstance(scenario, form.Scenario)
    read = iter(scenario.steps)
    steps = [
        form.Step(at=step["at"], action=step["command"]["kind"], body=command(step["command"]))
        if "command" in step
        else next(read)
        for step in raw["steps"]
    ]
    return scenario.model_copy(update={"steps": tuple(steps)})


def differences(story: Story, other: Story) -> Iterator[str]:
    """What the second story tells otherwise."""
    for field in fields(Story):
        if field.name != "postings":
            yield from _differing(field.name, getattr(story, field.name), getattr(other, field.name))
    ours, theirs = _journal(story), _journal(other)
    yield from _differing("journal", sorted((ours - theirs).items()), sorted((theirs - ours).items()))


def _differing(name: str, one: Any, other: Any) -> Iterator[str]:
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for index, (part, counterpart) in enumerate(zip(one, other, strict=True)):
            yield from _differing(f"{name}[{index}]", part, counterpart)
    elif one != other:
        yield f"{name}:\n  memory:   {one}\n  temporal: {other}"


def _journal(story: Story) -> Counter[tuple[tuple[Place, int], ...]]:
    """The entries, whatever their order: in memory the gateway's money is cash at once."""
    entries: dict[str, dict[Place, int]] = defaultdict(lambda: defaultdict(int))
    for posting in story.postings:
        place = (posting.on, REPORTED_AS.get(posting.account, posting.account), posting.line or "")
        entries[posting.entry][place] += posting.amount_minor
    return Counter(tuple(sorted(entry.items())) for entry in entries.values())


def written(raw: Mapping[str, Any]) -> str:
    """The scenario as a case file states it."""
    return yaml.safe_dump([dict(raw)], sort_keys=False, default_flow_style=None, width=120)
