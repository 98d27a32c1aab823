"""Refuses files that name the host of a package registry: where packages come from is the installer's business."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
# Each name is put together here, so that this file does not name one itself.
HOSTS: Final = tuple(
    ".".join(parts).encode()
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("golang", "org"),
        ("rubygems", "org"),
        ("maven", "org"),
    )
)


def project_files() -> list[Path]:
    """Every file that git tracks or would track; without git, every file outside hidden folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        visible = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        return [path for path in visible if not any(part.startswith(".") and part != ".ci" for part in path.parts)]
    return [Path(name.decode()) for name in listing.split(b"\0") if name]


def mentions() -> Iterator[str]:
    """Yields each file and line that names a registry's host."""
    for path in project_files():
        absolute = ROOT / path
        if not absolute.is_file():
            continue
        for number, line in enumerate(absolute.read_bytes().splitlines(), start=1):
            yield from (f"{path}:{number} names {host.decode()}" for host in HOSTS if host in line)


if __name__ == "__main__":
    found = list(mentions())
    print("\n".join(found) or "no file names a package registry")
    sys.exit(int(bool(found)))
