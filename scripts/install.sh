#!/bin/sh
# Installs the locked dependencies and the project itself into .venv, once per state of the files that decide it.
set -eu
cd "$(dirname "$0")/.."

VENV=.venv
STAMP=$VENV/.installed

digest() {
    cat requirements.lock pyproject.toml scripts/install.sh | "$VENV/bin/python" -c \
        'import hashlib, os, sys; print(hashlib.sha256(sys.stdin.buffer.read() + os.getcwd().encode() + sys.version.encode()).hexdigest())'
}

works() {
    "$VENV/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if works && [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$(digest)" ]; then exit 0; fi

if works; then PYTHON=$VENV/bin/python; else PYTHON=$(sh scripts/choose-python.sh); rm -rf "$VENV"; fi
rm -f "$STAMP"
echo "Installing into $VENV with $("$PYTHON" --version) ..."

with_uv() {
    command -v uv >/dev/null 2>&1 || return 1
    works || uv venv --quiet --python "$PYTHON" "$VENV" || return 1
    uv pip install --quiet --python "$VENV/bin/python" --require-hashes -r requirements.lock || return 1
    uv pip install --quiet --python "$VENV/bin/python" --no-deps --no-build-isolation --editable .
}

# A Python without ensurepip makes no usable environment, but a pip of its own can install into one.
make_environment() {
    works && return 0
    "$PYTHON" -m venv "$VENV" >/dev/null 2>&1 && return 0
    rm -rf "$VENV"
    "$PYTHON" -m pip --version >/dev/null 2>&1 && "$PYTHON" -m venv --without-pip "$VENV"
}

pip_install() {
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    else
        "$(sh scripts/choose-python.sh)" -m pip --python "$VENV/bin/python" install --quiet --disable-pip-version-check "$@"
    fi
}

with_pip() {
    if ! make_environment; then
        rm -rf "$VENV"
        echo "$PYTHON can make no virtual environment: it has neither ensurepip nor pip." >&2
        echo "Install them (Debian and Ubuntu: apt install python3-venv) or install uv." >&2
        return 1
    fi
    pip_install --require-hashes -r requirements.lock || return 1
    pip_install --no-deps --no-build-isolation --editable .
}

# uv does not read pip's configuration: where only pip knows the index, pip still gets its turn.
if ! with_uv; then
    if command -v uv >/dev/null 2>&1; then echo "uv could not install; trying pip." >&2; fi
    with_pip
fi
digest >"$STAMP"
