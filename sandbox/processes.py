"""Processes that outlive the command that started them, and are found again by a label in their environment.

A process id may be given to a stranger after a crash, so it is never trusted alone: whoever is adopted, or ended,
carries the label. The label also finds a process whose record was lost.
"""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LABEL: Final = "PERENNIAL_STACK_PART"
FINGERPRINT: Final = "PERENNIAL_STACK_FINGERPRINT"
POLL_SECONDS: Final = 0.02
PROJECT: Final = Path(__file__).parent.parent

# Kept so that a child that ends is reaped instead of staying behind as a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True)
class Running:
    """A process that carries a label, and the fingerprint of how it was started."""

    pid: int
    fingerprint: str


def fingerprint(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """A digest of a command and of what it finds in its environment."""
    parts = [*command, *(f"{name}={value}" for name, value in sorted(environment.items()))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def spawn(command: Sequence[str], environment: Mapping[str, str], *, label: str, mark: str, log: Path) -> Running:
    """Starts `command` in a session of its own, so that Ctrl-C at the parent does not reach it."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(command),
            cwd=PROJECT,
            env={**environment, "PYTHONUNBUFFERED": "1", LABEL: label, FINGERPRINT: mark},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return Running(child.pid, mark)


def find(label: str, *, guess: int | None = None) -> Running | None:
    """The process that carries `label`, looked for first at the process id `guess`."""
    if guess is not None and (found := _labelled(guess, label)) is not None:
        return found
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return next((found for pid in pids if (found := _labelled(pid, label)) is not None), None)


def stop(running: Running, label: str, *, seconds_max: float) -> None:
    """Asks the process to end, and kills it with all that it started where it does not do so in time."""
    deadline = time.monotonic() + seconds_max
    _signal(running.pid, label, signal.SIGTERM)
    while _labelled(running.pid, label) is not None:
        if time.monotonic() > deadline:
            _kill_session(running.pid, label)
        time.sleep(POLL_SECONDS)


def _labelled(pid: int, label: str) -> Running | None:
    """`pid` as a running process if it carries `label` and leads its session.

    A process started by a part inherits the label; it does not lead the session.
    """
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        leads = os.getsid(pid) == pid
    except OSError:
        return None
    if f"{LABEL}={label}".encode() not in variables or not leads:
        return None
    marks = (entry.partition(b"=")[2].decode() for entry in variables if entry.startswith(f"{FINGERPRINT}=".encode()))
    return Running(pid, next(marks, ""))


def _signal(pid: int, label: str, number: signal.Signals) -> None:
    if _labelled(pid, label) is not None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def _kill_session(pid: int, label: str) -> None:
    if _labelled(pid, label) is not None:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
