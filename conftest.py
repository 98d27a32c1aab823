"""Ends a test process with the status of its session, even where the Temporal SDK would abort its interpreter.

On CPython 3.11 the SDK can end a process whose work is done with "PyGILState_Release" and status 134. Nothing of pytest
is left to do when the exit handlers run, so they end the process without the interpreter's shutdown.
"""

import atexit
import os
import sys

import pytest


def pytest_sessionstart(session: pytest.Session) -> None:
    atexit.register(_end, session)


def _end(session: pytest.Session) -> None:
    if "temporalio.bridge.temporal_sdk_bridge" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(session.exitstatus))
