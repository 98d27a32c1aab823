"""The page on usage: its commands are run, its options are those there are."""

import re
import shlex

import pytest
from typer.main import get_command

from cli import app
from tests.api.given import rows
from tests.pages import read, sections
from tests.usage_files.conftest import Commands, counts

HEADINGS = {"import": "Import files", "export": "Export"}


@pytest.fixture
def page() -> dict[str, str]:
    return sections(read("usage.md"), "##")


def commands(text: str) -> list[list[str]]:
    """The arguments of each command of a section, without the program and its group."""
    blocks = "".join(re.findall(r"```sh\n(.+?)```", text, flags=re.DOTALL))
    return [shlex.split(line)[2:] for line in blocks.splitlines() if line.startswith("perennial usage ")]


def test_the_import_and_the_exports_do_what_the_page_says(
    usage: Commands, page: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flight of 5:17 in New York was at 10:17 in UTC."""
    monkeypatch.chdir(usage.folder)
    [table] = re.findall(r"```csv\n(.+?)```", page["Import files"], flags=re.DOTALL)
    usage.file("flights.csv", table)
    dry, real = commands(page["Import files"])
    assert counts(usage.imported(usage.folder / "flights.csv", *dry[2:])) == (2, 0, 0, 0, 0)
    assert usage.live.count() == 0

    assert counts(usage.imported(usage.folder / "flights.csv", *real[2:])) == (2, 0, 0, 0, 0)

    query = "SELECT event_id, source, customer_key, event, at::text, properties::text FROM usage_event"
    assert sorted(rows(usage.live.database, query))[0] == (
        *("N14228-1", "airport", "UA", "departure", "2013-01-01 10:17:00+00"),
        '{"seats": 149, "origin": "EWR"}',
    )
    for command in commands(page["Export"]):
        assert usage.run(*command).exit_code == 0
        assert counts(usage.imported(usage.folder / command[1])) == (0, 2, 0, 0, 0)


def test_the_page_names_every_option_of_the_import_that_changes_what_is_sent(page: dict[str, str]) -> None:
    group = get_command(app).commands["usage"]  # type: ignore[attr-defined]
    options = {
        name: {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
        for name, command in group.commands.items()
    }
    common = {"--url", "--api-key"}
    named = {name: set(re.findall(r"--[a-z][a-z-]*", page[heading])) for name, heading in HEADINGS.items()}
    assert named["import"] == options["import"] - common - {"--gzip"}
    assert named["export"] == options["export"] - common - {"--patience", "--json"}
