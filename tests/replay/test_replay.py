"""Every history that was ever recorded replays on the code as it is."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows.plugin import WORKFLOWS, perennial_plugin

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*/*/*.json"))


def replayer() -> Replayer:
    return Replayer(workflows=WORKFLOWS, plugins=[perennial_plugin()])


def test_each_workflow_that_bills_or_collects_has_recorded_histories() -> None:
    recorded = {path.stem.partition("-")[2] for path in HISTORIES}
    assert recorded == {"Contract", "Collection"}


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parts[-3]}/{path.parts[-2]}/{path.stem}")
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer().replay_workflow(WorkflowHistory.from_json("recorded", path.read_text()))


async def test_a_renamed_step_does_not_replay() -> None:
    """The check can fail: the corpus would catch a change of the order or the names of the steps."""
    path = next(path for path in HISTORIES if "issue_invoice" in path.read_text())
    changed = json.loads(path.read_text().replace('"issue_invoice"', '"issue_document"'))
    with pytest.raises(Exception, match="TMPRL1100"):
        await replayer().replay_workflow(WorkflowHistory.from_json("recorded", changed))
