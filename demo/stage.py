"""What the story is played on: a stack of its own, and the clients of its servers."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

from demo.bank import Bank
from demo.client import ApiClient
from demo.ingestion import Ingestion
from sandbox.plan import Plan
from sandbox.stack import Stack
from sandbox.temporal import NAMESPACE
from settings import TEMPORAL_VARIABLES, StackSettings

HOME = "demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """A running stack and who speaks with it."""

    settings: StackSettings
    plan: Plan
    api: ApiClient
    bank: Bank
    ingestion: Ingestion

    def contracts_url(self) -> str:
        """The page of all contracts in Temporal's web UI."""
        return f"{self._workflows_url()}?query=WorkflowType%3D%22Contract%22"

    def workflow_url(self, workflow_id: str, run_id: str) -> str:
        """The page of one run of a workflow there."""
        return f"{self._workflows_url()}/{quote(workflow_id, safe='')}/{run_id}"

    def _workflows_url(self) -> str:
        return f"{self.plan.address('temporal_ui')}/namespaces/{NAMESPACE}/workflows"


def own(settings: StackSettings) -> StackSettings:
    """The settings of the demo's own stack: all parts embedded, in a folder beside the data that others keep."""
    # An outside cluster would be told of contracts that are only a story.
    for name in [name for name in os.environ if name.startswith(TEMPORAL_VARIABLES)]:
        del os.environ[name]
    outside = {"database_url": None, "stripe_api_key": None, "stripe_base_url": None, "stripe_webhook_secrets": ()}
    return settings.model_copy(update={"home": settings.home / HOME, **outside})


@contextmanager
def raised(settings: StackSettings, report: Callable[[str, str], None], *, keep: bool) -> Iterator[Stage]:
    """A stack without a past; it is stopped at the end, unless it is to be kept and nothing went wrong."""
    stack = Stack(settings)
    stack.down()
    shutil.rmtree(settings.home, ignore_errors=True)
    kept = False
    try:
        plan = stack.up(report)
        api = ApiClient(plan.address("api"), plan.credentials.admin_api_key)
        stage = Stage(settings, plan, api, Bank(plan), Ingestion(api))
        try:
            yield stage
            kept = keep
        finally:
            stage.ingestion.close()
            stage.bank.close()
            stage.api.close()
    finally:
        if not kept:
            # A second Ctrl-C must not leave half of the stack behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            stack.down()
