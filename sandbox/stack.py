"""The embedded stack: brings every part up, takes it down, and tells how it is."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sandbox import credentials, parts, state
from sandbox.part import Part, PartFailed, PortTaken
from sandbox.plan import Plan
from sandbox.ports import becomes_free, choose_port, is_free
from settings import StackSettings

ATTEMPTS_MAX: Final = 3
START_SECONDS_MAX: Final = 60
# A running part that is only busy for a moment is not restarted for it.
ANSWER_SECONDS_MAX: Final = 10
POLL_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 15

Condition = Literal["healthy", "unhealthy", "stopped"]
Report = Callable[[str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartStatus:
    """How one part is."""

    name: str
    condition: Condition
    outside: bool
    pid: int | None
    ports: dict[str, int]
    url: str
    log: str


class Stack:
    """The stack of one home folder. Two of them in different folders do not touch each other."""

    def __init__(self, settings: StackSettings, *, only: Iterable[str] | None = None) -> None:
        self.settings = settings
        self.home: Path = settings.home
        self._only = None if only is None else frozenset(only)

    def up(self, report: Report = lambda _part, _event: None) -> Plan:
        """Starts what does not run, adopts what does, and waits until every part answers.

        Raises:
            PartFailed: if a part does not start.
        """
        with state.locked(self.home):
            for attempt in range(1, ATTEMPTS_MAX + 1):
                plan = self._plan(move_ports=True)
                try:
                    self._bring_up(plan, report)
                except PortTaken:
                    if attempt == ATTEMPTS_MAX:
                        raise
                except PartFailed:
                    if attempt == ATTEMPTS_MAX or not self._lost_a_port(plan):
                        raise
                else:
                    return plan
        raise AssertionError("the last attempt returns or raises")

    def down(self, report: Report = lambda _part, _event: None) -> None:
        """Stops every part, those that need others first. Data, ports and secrets stay."""
        if not self.home.exists():
            return
        with state.locked(self.home):
            plan = self._plan(move_ports=False)
            self._stop_all(self._product(plan), report)
            self._stop_all(self._stores(plan), report)
            self._record(plan)

    def status(self) -> list[PartStatus]:
        """How every part is now."""
        plan = self._plan(move_ports=False)
        every = [*self._stores(plan), *self._product(plan)]
        with ThreadPoolExecutor(len(every)) as pool:
            return list(pool.map(_status, every))

    def dead(self) -> list[str]:
        """The names of the parts whose process is gone."""
        plan = self._plan(move_ports=False)
        every = [*self._stores(plan), *self._product(plan)]
        return [part.name for part in every if not part.outside and part.pid() is None]

    def plan(self) -> Plan:
        """Addresses, secrets and environment of the stack as it was started last."""
        return self._plan(move_ports=False)

    def _bring_up(self, plan: Plan, report: Report) -> None:
        self._start_all(plan, self._stores(plan), report)
        if self._only is None or "postgres" in self._only:
            report("postgres", "migrating")
            migrate_database(plan.database_url())
        self._start_all(plan, self._product(plan), report)

    def _start_all(self, plan: Plan, every: list[Part], report: Report) -> None:
        fresh = []
        for part in every:
            if part.current() and _answers(part, ANSWER_SECONDS_MAX):
                report(part.name, "running")
                continue
            report(part.name, "starting")
            part.stop()
            _require_free_ports(part)
            part.start()
            fresh.append(part)
            self._record(plan)
        for part in fresh:
            if not _answers(part, START_SECONDS_MAX):
                raise PartFailed(f"{part.name} does not answer:\n{_tail(part.log)}")
            part.after_start()
            report(part.name, "running")
        self._record(plan)

    def _stop_all(self, every: list[Part], report: Report) -> None:
        def stop(part: Part) -> None:
            if part.pid() is not None:
                report(part.name, "stopping")
                part.stop()
                report(part.name, "stopped")

        with ThreadPoolExecutor(len(every) or 1) as pool:
            list(pool.map(stop, every))

    def _stores(self, plan: Plan) -> list[Part]:
        return self._wanted(parts.stores(plan, self._pids()))

    def _product(self, plan: Plan) -> list[Part]:
        return self._wanted(parts.product(plan, self._pids()))

    def _wanted(self, every: list[Part]) -> list[Part]:
        return [part for part in every if self._only is None or part.name in self._only]

    def _pids(self) -> dict[str, int | None]:
        return {name: record.pid for name, record in state.load(self.home).parts.items()}

    def _plan(self, *, move_ports: bool) -> Plan:
        """The stack as recorded; with `move_ports` the ports of dead parts become free ones."""
        secrets = credentials.load_or_make(self.home, keep=move_ports)
        recorded = state.load(self.home)
        known = {
            name: port
            for name, port in recorded.ports().items()
            if recorded.preferred_ports.get(name) == self._preferred()[name]
        }
        ports = self._preferred() | known
        if move_ports:
            plan = Plan(settings=self.settings, credentials=secrets, ports=ports)
            # Parts that this call leaves alone keep their ports too.
            pids = self._pids()
            every = [*parts.stores(plan, pids), *parts.product(plan, pids)]
            alive = [part for part in every if part.pid() is not None]
            held = {name: port for part in alive for name, port in part.ports.items()}
            taken = set(held.values())
            for name, port in ports.items():
                if name not in held:
                    ports[name] = choose_port((port, self._preferred()[name]), taken)
                    taken.add(ports[name])
            ports |= held
        return Plan(settings=self.settings, credentials=secrets, ports=ports)

    def _preferred(self) -> dict[str, int]:
        settings = self.settings
        return {
            "postgres": settings.postgres_port,
            "temporal": settings.temporal_port,
            "temporal_ui": settings.temporal_ui_port,
            "stripe": settings.stripe_port,
            "api": settings.api_port,
        }

    def _lost_a_port(self, plan: Plan) -> bool:
        """Whether somebody else took a port between its choice and its use."""
        every = [*self._stores(plan), *self._product(plan)]
        dead = [part for part in every if part.pid() is None and not part.outside]
        return any(not is_free(port) for part in dead for port in part.ports.values())

    def _record(self, plan: Plan) -> None:
        every = [*self._stores(plan), *self._product(plan)]
        records = state.load(self.home).parts | {
            part.name: state.PartRecord(
                pid=part.pid(), ports=dict(part.ports), url=part.url, log=str(part.log) if part.log else ""
            )
            for part in every
        }
        state.save(self.home, state.StackState(parts=records, preferred_ports=self._preferred()))


def _answers(part: Part, seconds_max: float) -> bool:
    """Whether the part answers in time; a process that ended will not."""
    deadline = time.monotonic() + seconds_max
    while not part.healthy():
        if time.monotonic() > deadline or part.pid() is None:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _require_free_ports(part: Part) -> None:
    """Refuses to start a part whose port a stranger holds: the stranger's answers would be taken for the part's."""
    for port in part.ports.values():
        if not part.outside and not becomes_free(port):
            raise PortTaken(f"{part.name} cannot listen on port {port}: it is taken")


def _status(part: Part) -> PartStatus:
    pid = part.pid()
    condition: Condition = "healthy" if part.healthy() else "unhealthy" if pid or part.outside else "stopped"
    return PartStatus(
        name=part.name,
        condition=condition,
        outside=part.outside,
        pid=pid,
        ports=dict(part.ports),
        url=part.url,
        log=str(part.log) if part.log else "",
    )


def _tail(log: Path | None) -> str:
    if log is None or not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])


def migrate_database(url: str) -> None:
    """Brings the database at `url` to the schema of this release."""
    # Loading the ORM takes a second, which commands that only look at the stack need not pay.
    from models.migrations import migrate

    migrate(url)
