#!/bin/sh
# Prints the command of a Python that can run the project: $PYTHON if set, else the first that is new enough.
# Each candidate is run, because a shim on the PATH may stand for a version that is not selected.
set -u

fits() {
    "$@" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (4,)))' >/dev/null 2>&1
}

if [ -n "${PYTHON:-}" ]; then
    if fits "$PYTHON"; then echo "$PYTHON"; exit 0; fi
    echo "PYTHON=$PYTHON is not a working Python 3.11 or newer." >&2
    exit 1
fi

for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if fits "$candidate"; then echo "$candidate"; exit 0; fi
done

if command -v uv >/dev/null 2>&1 && found=$(uv python find --no-python-downloads '>=3.11' 2>/dev/null) && fits "$found"; then
    echo "$found"
    exit 0
fi

found=$(python3 --version 2>&1) || found="no python3"
cat >&2 <<MESSAGE
Perennial needs Python 3.11 or newer; found: $found.
Install one (Debian and Ubuntu: apt install python3.11 python3.11-venv) or name it: make PYTHON=/path/to/python3.11
MESSAGE
exit 1
