"""What client, worker and replayer must agree on: one converter and one sandbox."""

from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.clock import TestClock
from workflows.collection import Collection
from workflows.contract import Contract
from workflows.converter import data_converter
from workflows.correction import Correction
from workflows.migration import Migration
from workflows.quote import Quote

WORKFLOWS = (Contract, Collection, Correction, TestClock, Quote, Migration)

# The domain is pure (held to it by lint and tests), so that every run can share one copy of it. A run is one billing
# cycle, so what each would load anew is kept to the workflow's own file.
_SHARED_MODULES = (
    "domain",
    "activities",
    "pydantic",
    "pydantic_core",
    "workflows.collecting",
    "workflows.options",
    "workflows.quote_visibility",
    "workflows.updates",
    "workflows.visibility",
)


def perennial_plugin() -> SimplePlugin:
    """The plugin that every client, worker and replayer of Perennial is made with."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*_SHARED_MODULES)
    return SimplePlugin(
        "perennial",
        data_converter=data_converter,
        workflow_runner=SandboxedWorkflowRunner(restrictions=restrictions),
    )
