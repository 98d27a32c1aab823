"""Runs cases side by side with what they expect, one result for each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cases import compare, kinds
from cases.format import Scenario
from cases.reading import Found
from cases.story import Engine
from domain.errors import DomainError


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case: nothing differs where it passed."""

    name: str
    file: str
    kind: str
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        if self.passed:
            return f"PASS {self.name}"
        first, *more = self.differences
        return "\n".join([f"FAIL {self.name}: {first}", *(f"     {difference}" for difference in more)])


def check(cases: Iterable[Found], engine: Engine) -> Iterator[Result]:
    """The results, in the order of the cases."""
    for found in cases:
        yield result_of(found, lambda scenario: compare.differences(scenario.expect, engine.run(scenario)))


def result_of(found: Found, compared: Callable[[Scenario], Sequence[str]]) -> Result:
    """The result of one case; what goes wrong in it is a difference, and the other cases go on."""
    case = found.case
    try:
        differing = compared(case) if isinstance(case, Scenario) else kinds.differences(case)
    except DomainError as error:
        differing = [f"refused{f' at {error.field}' if error.field else ''}: {error.message}"]
    except Exception as error:
        differing = [f"{type(error).__name__}: {error}"]
    return Result(case.name, found.file, case.kind, tuple(differing))
