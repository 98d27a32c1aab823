"""Keeps requirements.lock in step with pyproject.toml, without a network to check it.

The first line of the lock file holds a digest of the tables it was resolved from.
"""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT: Final = Path(__file__).parent.parent
LOCK: Final = ROOT / "requirements.lock"
LABEL: Final = "# pyproject-dependencies: sha256:"
COMPILE: Final = (
    "pip compile pyproject.toml --group dev --generate-hashes --universal --python-version 3.11 --no-header --quiet"
)
PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)


def digest(project: dict[str, Any]) -> str:
    """The digest of every table of pyproject.toml that decides what is locked."""
    tables = [
        project["project"]["requires-python"],
        sorted(project["project"]["dependencies"]),
        {group: sorted(entries) for group, entries in project["dependency-groups"].items()},
        sorted(project["build-system"]["requires"]),
    ]
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def faults(pyproject: str, lock: str) -> Iterator[str]:
    """Yields a sentence for each way in which the lock file does not belong to pyproject.toml."""
    project = tomllib.loads(pyproject)
    if lock.partition("\n")[0] != LABEL + digest(project):
        yield "requirements.lock was not resolved from this pyproject.toml: run `make lock`"
    if "://" in lock:
        yield "requirements.lock holds a download address"
    pins = {canonicalize_name(pin["name"]): pin for pin in PIN.finditer(lock)}
    for name, pin in pins.items():
        if "--hash=sha256:" not in pin["rest"]:
            yield f"{name} is locked without a hash"
    for requirement in requirements(project):
        locked = pins.get(canonicalize_name(requirement.name))
        if locked is None or Version(locked["version"]) not in requirement.specifier:
            yield f"{requirement} is not satisfied by requirements.lock"


def requirements(project: dict[str, Any]) -> Iterator[Requirement]:
    """Yields what the product, its development and its build ask for."""
    lists = [
        project["project"]["dependencies"],
        *project["dependency-groups"].values(),
        project["build-system"]["requires"],
    ]
    yield from (Requirement(entry) for entries in lists for entry in entries)


def update(arguments: list[str]) -> int:
    """Resolves again and writes the lock file; keeps what is pinned unless `--upgrade` is among the arguments."""
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), *COMPILE.split(), "--output-file", LOCK.name, *arguments]
    status = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode
    if status == 0:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        LOCK.write_text(f"{LABEL}{digest(project)}\n{LOCK.read_text()}")
    return status


def check() -> int:
    """Prints what is wrong with the lock file; the exit status."""
    found = list(faults((ROOT / "pyproject.toml").read_text(), LOCK.read_text()))
    print("\n".join(found) or "requirements.lock belongs to pyproject.toml")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(update(sys.argv[2:]) if sys.argv[1:2] == ["update"] else check())
