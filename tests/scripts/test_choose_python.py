"""The installer runs on machines with any set of Pythons; here they are scripts that claim a version."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "choose-python.sh"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder that is the whole PATH of a machine, without any Python."""
    for tool in ("sh", "cat"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def install(machine: Path, name: str, *, new_enough: bool) -> None:
    command = machine / name
    command.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo Python 3.x && exit 0\nexit {int(not new_enough)}\n')
    command.chmod(0o755)


def choose(machine: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "sh", SCRIPT],
        env={"PATH": os.fspath(machine), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python3_is_taken_where_it_is_new_enough(machine: Path) -> None:
    install(machine, "python3", new_enough=True)
    install(machine, "python3.13", new_enough=True)
    assert choose(machine).stdout == "python3\n"


def test_a_newer_one_is_taken_where_python3_is_old(machine: Path) -> None:
    install(machine, "python3", new_enough=False)
    install(machine, "python3.12", new_enough=True)
    install(machine, "python3.11", new_enough=True)
    assert choose(machine).stdout == "python3.12\n"


def test_a_command_that_does_not_run_is_passed_over(machine: Path) -> None:
    """Version managers put commands on the PATH for versions that are not selected."""
    install(machine, "python3", new_enough=False)
    install(machine, "python3.13", new_enough=False)
    install(machine, "python3.11", new_enough=True)
    assert choose(machine).stdout == "python3.11\n"


def test_a_named_python_is_taken_before_all(machine: Path) -> None:
    install(machine, "python3", new_enough=True)
    install(machine, "mine", new_enough=True)
    assert choose(machine, PYTHON="mine").stdout == "mine\n"


def test_a_named_python_that_is_too_old_is_refused(machine: Path) -> None:
    install(machine, "python3", new_enough=True)
    install(machine, "mine", new_enough=False)
    outcome = choose(machine, PYTHON="mine")
    assert outcome.returncode == 1
    assert "PYTHON=mine is not a working Python 3.11 or newer" in outcome.stderr


@pytest.mark.parametrize("old", [False, True])
def test_without_one_it_says_what_is_missing(machine: Path, old: bool) -> None:
    if old:
        install(machine, "python3", new_enough=False)
    outcome = choose(machine)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert "Perennial needs Python 3.11 or newer" in outcome.stderr
