"""Runs cases side by side with what they expect, one result for each."""

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

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


def check(cases: Iterable[Found], engine: Engine) -> Generator[Result, None, None]:
    """The results, in the order of the cases; as many are run at once as the engine takes."""
    pool = ThreadPoolExecutor(engine.width)
    try:
        yield from pool.map(partial(result_of, compared=partial(_compared, engine)), cases)
    finally:
        # Who gives up does not wait for what is under way.
        pool.shutdown(wait=False, cancel_futures=True)


def _compared(engine: Engine, scenario: Scenario) -> list[str]:
    return compare.differences(scenario.expect, engine.run(scenario))


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
