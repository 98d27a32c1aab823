"""Runs every static check, all of them even when one fails, and says at the end which did."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TOOLS: Final = Path(sys.executable).parent

CHECKS: Final[dict[str, list[str]]] = {
    "ruff check": [sys.executable, "-m", "ruff", "check", "--quiet", "."],
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."],
    "mypy --strict": [sys.executable, "-m", "mypy", "--no-error-summary"],
    "import rules": [str(TOOLS / "lint-imports"), "--no-cache"],
    "lock file": [sys.executable, "-m", "scripts.lock"],
    "registry hosts": [sys.executable, "-m", "scripts.hosts"],
}


def main() -> int:
    """Runs the checks one after the other; 1 if any failed."""
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        passed = outcome.returncode == 0
        print(f"{'ok  ' if passed else 'FAIL'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not passed:
            failed.append(name)
            print(outcome.stdout + outcome.stderr, flush=True)
    if failed:
        print(f"make check failed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
