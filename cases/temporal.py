"""The engine of the whole system: server, workers, database and gateway, started for the check and gone after it."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from cases.format import Scenario
from cases.story import Story
from cases.temporal_api import Workflows
from cases.temporal_life import Life, System
from cases.temporal_story import read_story
from models.database import Database
from sandbox.plan import Plan
from sandbox.ports import choose_port
from sandbox.stack import Stack
from sandbox.stripe.admin import StripeAdmin
from settings import TEMPORAL_VARIABLES, StackSettings, load_stack_settings

WIDTH: Final = 16
BOOK_LENGTH_MAX: Final = 64
MEMORY: Final = Path("/dev/shm")
MEMORY_BYTES_MIN: Final = 2 * 1024**3
PORTS: Final = ("postgres_port", "temporal_port", "temporal_ui_port", "stripe_port", "api_port")


class Temporal:
    """Runs scenarios on the system, `width` of them side by side."""

    width = WIDTH

    def __init__(self, system: System) -> None:
        self.system = system
        self._numbers = count(1)

    def run(self, scenario: Scenario) -> Story:
        """The story of the scenario, on a contract with a customer, a clock and a book of its own.

        Raises:
            DomainError: if a step is refused.
        """
        number = f"-{next(self._numbers)}"
        book = scenario.name[: BOOK_LENGTH_MAX - len(number)] + number
        with closing(Life(self.system, scenario, book)) as life:
            life.live()
            return read_story(life.api, self.system.database, life.contract_id)


@contextmanager
def temporal_engine(console: Console) -> Iterator[Temporal]:
    """An engine on a stack in a folder of its own, which leaves nothing behind.

    Raises:
        PartFailed: if a part of the stack does not start.
    """
    with _alone(), tempfile.TemporaryDirectory(prefix="perennial-check-", dir=_scratch()) as folder:
        stack = Stack(_settings(Path(folder) / "home"))
        stopping = threading.Event()
        try:
            with console.status("Starting the stack ...") as status:
                plan = stack.up(lambda part, event: status.update(f"{part}: {event} ..."))
            _take_any_amount(plan)
            with _reached(plan, stopping) as system:
                yield Temporal(system)
        finally:
            stopping.set()
            # A second Ctrl-C must not leave half of the stack behind.
            with _deaf(), console.status("Stopping the stack ..."):
                stack.down()


def _take_any_amount(plan: Plan) -> None:
    """What is checked are amounts, not what a gateway thinks worth charging."""
    with closing(StripeAdmin(plan.address("stripe"))) as admin:
        admin.take_any_amount()


@contextmanager
def _reached(plan: Plan, stopping: threading.Event) -> Iterator[System]:
    database = Database(plan.database_url(), pool_size=WIDTH)
    workflows = Workflows(plan.temporal_address())
    try:
        yield System(
            api_url=plan.address("api"),
            api_key=plan.credentials.admin_api_key,
            stripe_url=plan.address("stripe"),
            database=database,
            workflows=workflows,
            stopping=stopping,
        )
    finally:
        stopping.set()
        workflows.close()
        database.dispose()


def _settings(home: Path) -> StackSettings:
    """All parts embedded, on ports that nobody else prefers."""
    taken: set[int] = set()
    ports = {}
    for name in PORTS:
        ports[name] = choose_port((), taken)
        taken.add(ports[name])
    outside = {"database_url": None, "stripe_api_key": None, "stripe_base_url": None, "stripe_webhook_secrets": ()}
    return load_stack_settings().model_copy(update={"home": home, **ports, **outside})


def _scratch() -> str | None:
    """A folder in memory if there is room: what is checked need not outlive a loss of power."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    return str(MEMORY) if roomy else None


@contextmanager
def _alone() -> Iterator[None]:
    """Without the Temporal service that the environment names, which would be told of contracts that are only a story.

    A process that is told to stop ends as by Ctrl-C, so that the stack goes down with it.
    """
    named = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(TEMPORAL_VARIABLES)}
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, _interrupt) if main else None
    try:
        yield
    finally:
        os.environ.update(named)
        if main:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _deaf() -> Iterator[None]:
    """Let Ctrl-C pass unheard."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
