import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox import processes

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print('ready', child.pid, flush=True); child.wait()",
]


@pytest.fixture
def label() -> Iterator[str]:
    """A label that no other test uses; whatever carries it at the end is ended."""
    name = f"test:{uuid4().hex}"
    yield name
    while (left := processes.find(name)) is not None:
        processes.stop(left, name, seconds_max=0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "part.log"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def spawn(command: list[str], label: str, log: Path) -> processes.Running:
    found = processes.spawn(command, os.environ, label=label, mark="first", log=log)
    wait_until(lambda: b"ready" in log.read_bytes())
    return found


def test_a_process_is_found_again_by_its_label_alone(label: str, log: Path) -> None:
    started = spawn(SLEEP, label, log)
    assert processes.find(label) == started == processes.Running(started.pid, "first")


def test_a_process_id_that_went_to_a_stranger_is_not_adopted(label: str) -> None:
    with subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL) as stranger:
        try:
            assert processes.find(label, guess=stranger.pid) is None
        finally:
            stranger.kill()


def test_a_wrong_guess_does_not_hide_the_process(label: str, log: Path) -> None:
    started = spawn(SLEEP, label, log)
    assert processes.find(label, guess=os.getpid()) == started


def test_what_a_part_starts_is_not_taken_for_the_part(label: str, log: Path) -> None:
    parent = spawn(PARENT, label, log)
    child = int(log.read_text().split()[1])
    assert processes.find(label, guess=child) == parent


def test_a_killed_process_is_gone_at_once(label: str, log: Path) -> None:
    started = spawn(SLEEP, label, log)
    os.kill(started.pid, 9)
    wait_until(lambda: processes.find(label) is None)


def test_stopping_asks_first(label: str, log: Path) -> None:
    started = spawn([*SLEEP[:2], "import signal, sys, time\n"
                     "signal.signal(signal.SIGTERM, lambda *_: (print('asked', flush=True), sys.exit()))\n"
                     "print('ready', flush=True); time.sleep(60)"], label, log)  # fmt: skip
    processes.stop(started, label, seconds_max=20)
    assert log.read_text().split() == ["ready", "asked"]
    assert processes.find(label) is None


def test_stopping_kills_what_does_not_listen_and_what_it_started(label: str, log: Path) -> None:
    started = spawn(STUBBORN, label, log)
    processes.stop(started, label, seconds_max=0.1)
    assert processes.find(label) is None


def test_a_stranger_is_never_ended(label: str) -> None:
    with subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL) as stranger:
        try:
            processes.stop(processes.Running(stranger.pid, ""), label, seconds_max=0)
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_the_fingerprint_tells_another_environment_from_the_same() -> None:
    first = processes.fingerprint(["serve", "--port", "1"], {"A": "1", "B": "2"})
    assert first == processes.fingerprint(["serve", "--port", "1"], {"B": "2", "A": "1"})
    assert first != processes.fingerprint(["serve", "--port", "2"], {"A": "1", "B": "2"})
    assert first != processes.fingerprint(["serve", "--port", "1"], {"A": "1", "B": "3"})
