"""Both engines give the same documents and the same journal, and the whole system passes the public cases.

`SCENARIOS=500 SEED=7` draws more scenarios, and others.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from rich.console import Console

from cases.check import check
from cases.reading import Found, read
from cases.temporal import Temporal, temporal_engine
from tests.cases.agreed import stories
from tests.cases.lived import readable
from tests.scenarios.both import Both, scenario_of, written

SCENARIOS = int(os.environ.get("SCENARIOS", "40"))
SEED = int(os.environ.get("SEED", "1"))
MONTHS = 5
TRIALS = "more-trial-"
LIFECYCLE = Path(__file__).parents[1] / "cases" / "more" / "lifecycle.yaml"
PUBLIC = Path(__file__).parents[2] / "cases" / "public"

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(400 + 5 * SCENARIOS)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Temporal]:
    with temporal_engine(Console(stderr=True)) as engine:
        yield engine


def drawn(count: int) -> list[dict[str, Any]]:
    """So many scenarios, the same ones for a seed as long as the code is the same.

    They are drawn first, since the system lives many side by side and hypothesis tries one after the other.
    """
    found: list[dict[str, Any]] = []

    @seed(SEED)
    @settings(max_examples=2 * count, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(stories(MONTHS))
    def draw(raw: dict[str, Any]) -> None:
        story = readable(raw)
        if story is not None:
            found.append(story)

    draw()
    assert len(found) >= count
    return found[:count]


def test_both_engines_tell_the_same_of_whatever_is_agreed_and_done(engine: Temporal) -> None:
    raws = drawn(SCENARIOS)
    scenarios = [Found("", scenario_of(raw, f"drawn-{SEED}-{number}")) for number, raw in enumerate(raws)]
    results = zip(check(scenarios, Both(engine.system)), raws, strict=True)
    differing = [f"{result}\n{written(raw)}" for result, raw in results if not result.passed]
    assert not differing, "\n".join(differing)


def test_the_whole_system_passes_the_public_cases(engine: Temporal) -> None:
    results = list(check(read([PUBLIC]), engine))
    failed = [str(result) for result in results if not result.passed]
    assert not failed, "\n".join(failed)
    assert len(results) > 200


def test_the_whole_system_asks_for_a_payment_method_when_a_trial_ends(engine: Temporal) -> None:
    trials = [found for found in read([LIFECYCLE]) if found.case.name.startswith(TRIALS)]
    results = list(check(trials, engine))
    failed = [str(result) for result in results if not result.passed]
    assert not failed, "\n".join(failed)
    assert len(results) == 11
