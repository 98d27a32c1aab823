"""The three kinds of parts of the stack: a command, PostgreSQL, and what runs outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from sandbox import processes
from sandbox.postgres import EmbeddedPostgres, PostgresNotStarted
from settings import child_environment

LOG_BYTES_MAX: Final = 20_000_000


class PartFailed(Exception):
    """A part did not start; the message holds the end of its log."""


class PortTaken(PartFailed):
    """Somebody else listens on the port that was chosen for a part."""


class Part(Protocol):
    """One server of the stack."""

    @property
    def name(self) -> str: ...
    @property
    def ports(self) -> Mapping[str, int]: ...
    @property
    def url(self) -> str: ...
    @property
    def log(self) -> Path | None: ...
    @property
    def outside(self) -> bool: ...

    def pid(self) -> int | None:
        """The process that runs, whether it answers or not."""

    def current(self) -> bool:
        """Whether what runs was started the way it would be started now."""

    def start(self) -> None:
        """Starts the process; it may not answer yet."""

    def stop(self) -> None:
        """Ends the process, by force where asking does not help."""

    def healthy(self) -> bool:
        """Whether it answers."""

    def after_start(self) -> None:
        """What has to be done once it answers for the first time."""


@dataclass(slots=True, kw_only=True)
class CommandPart:
    """A server that is one command. What it finds in its environment may be known only once others run."""

    name: str
    command: Sequence[str]
    environment: Callable[[], Mapping[str, str]] = dict
    probe: Callable[[int], bool]
    once_healthy: Callable[[], None] = lambda: None
    ports: Mapping[str, int] = field(default_factory=dict)
    url: str = ""
    log: Path
    home: Path
    last_pid: int | None = None
    stop_seconds_max: float = 20
    outside: bool = False

    @property
    def label(self) -> str:
        """What marks the process as this part of this stack."""
        return f"{self.home}:{self.name}"

    def running(self) -> processes.Running | None:
        """The process of this part."""
        return processes.find(self.label, guess=self.last_pid)

    def pid(self) -> int | None:
        found = self.running()
        return found.pid if found else None

    def current(self) -> bool:
        found = self.running()
        return found is not None and found.fingerprint == processes.fingerprint(self.command, self.environment())

    def start(self) -> None:
        changes = self.environment()
        mark = processes.fingerprint(self.command, changes)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        environment = child_environment(changes)
        self.last_pid = processes.spawn(self.command, environment, label=self.label, mark=mark, log=self.log).pid

    def stop(self) -> None:
        # More than one only where the record of the first was lost.
        while (found := self.running()) is not None:
            processes.stop(found, self.label, seconds_max=self.stop_seconds_max)

    def healthy(self) -> bool:
        pid = self.pid()
        return pid is not None and self.probe(pid)

    def after_start(self) -> None:
        self.once_healthy()


@dataclass(slots=True, kw_only=True)
class PostgresPart:
    """The embedded PostgreSQL, which keeps its own record of its process."""

    server: EmbeddedPostgres
    log: Path
    name: str = "postgres"
    outside: bool = False

    @property
    def ports(self) -> Mapping[str, int]:
        self.server.pid()
        return {"postgres": self.server.port}

    @property
    def url(self) -> str:
        return f"postgresql://127.0.0.1:{self.ports['postgres']}/perennial"

    def pid(self) -> int | None:
        return self.server.pid()

    def current(self) -> bool:
        return self.server.pid() is not None

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not self.log.is_symlink():
            self.log.unlink(missing_ok=True)
            self.log.symlink_to(self.server.log_file)
        try:
            self.server.start()
        except PostgresNotStarted as error:
            raise PartFailed(f"postgres: {error}") from error

    def stop(self) -> None:
        self.server.stop()

    def healthy(self) -> bool:
        return self.server.healthy()

    def after_start(self) -> None:
        return None


@dataclass(slots=True, kw_only=True)
class OutsidePart:
    """A server that somebody else runs: used, never started or stopped."""

    name: str
    url: str
    probe: Callable[[], bool] = lambda: True
    ports: Mapping[str, int] = field(default_factory=dict)
    log: Path | None = None
    outside: bool = True

    def pid(self) -> int | None:
        return None

    def current(self) -> bool:
        return True

    def start(self) -> None:
        raise PartFailed(f"{self.name}: {self.url} does not answer")

    def stop(self) -> None:
        return None

    def healthy(self) -> bool:
        return self.probe()

    def after_start(self) -> None:
        return None
