"""The last lines of the demo: how fast it went, and where to look."""

from dataclasses import dataclass

from rich.text import Text

from demo.histories import Histories
from demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Measured:
    """How long the run took, how many events it sent at what rate, and what it left in Temporal."""

    seconds: float
    events_sent: int
    events_per_second: int
    histories: Histories


def summary(measured: Measured, stage: Stage, *, keep: bool) -> Text:
    """Figures and addresses; without `keep` nobody will listen there any more."""
    minutes, seconds = divmod(round(measured.seconds), 60)
    histories = measured.histories
    rows = {
        "wall time": f"{minutes} min {seconds} s",
        "usage": f"{measured.events_per_second:,} events/s over HTTP, {measured.events_sent:,} in all",
        "Temporal": f"{histories.quiet_cycle_events} history events in one quiet cycle with usage",
        "contracts": stage.contracts_url(),
        "one contract": stage.workflow_url(histories.workflow_id, histories.latest_run_id),
        "API": f"{stage.api.url}/docs",
    }
    if keep:
        rows["API key"] = f"admin_api_key in {stage.settings.home / 'secrets.json'}"
        rows["to stop it"] = f".venv/bin/python -m cli down --home '{stage.settings.home}'"
    else:
        rows["to look at it"] = "make demo KEEP=1 leaves the stack up"
    return Text("\n").join(Text.assemble((f"{name:<14}", "dim"), value) for name, value in rows.items())
