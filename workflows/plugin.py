"""What client, worker and replayer must agree on: one converter and one sandbox."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.clock import TestClock
from workflows.collection import Collection
from workflows.contract import Contract

WORKFLOWS = (Contract, Collection, TestClock)

# The domain is pure (held to it by lint and tests), so that every run can share one copy of it.
_SHARED_MODULES = ("domain", "activities", "pydantic", "pydantic_core")


def perennial_plugin() -> SimplePlugin:
    """The plugin that every client, worker and replayer of Perennial is made with."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*_SHARED_MODULES)
    return SimplePlugin(
        "perennial",
        data_converter=pydantic_data_converter,
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
    )
