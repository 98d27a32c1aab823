"""What docs/cases.md shows is run, and what it lists is what the format takes."""

import re
from pathlib import Path
from typing import Any, Final, get_args

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from cases.check import check
from cases.expected import BalanceName, Expected, ExpectedCreditNote, ExpectedInvoice
from cases.format import ACTIONS, KINDS, Case, Scenario
from cases.memory import Memory
from cases.reading import read
from cli import app
from domain.line import Aggregate, Recognition
from domain.modification import Treatment
from domain.prices import Price
from domain.schedule import Method
from tests.pages import read as page
from tests.pages import rows, sections

PAGE: Final = page("cases.md")
EXAMPLES: Final = re.findall(r"```yaml\n(.+?)```", PAGE, flags=re.DOTALL)
TOLD: Final = re.findall(r"```text\n(.+?)```", PAGE, flags=re.DOTALL)
RULES: Final = sections(sections(PAGE, "##")["One rule at a time"], "###")
WHOLE: Final = sections(sections(PAGE, "##")["A whole contract: `scenario`"], "###")


def words(text: str) -> list[str]:
    """What stands between back quotes, in its order."""
    return re.findall(r"`([^`]+)`", text)


def table(text: str) -> list[list[str]]:
    """The first table, with its back quotes."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.split()[2] for text in EXAMPLES])
def test_every_example_passes(tmp_path: Path, example: str) -> None:
    (tmp_path / "example.yaml").write_text(example)
    results = list(check(read([tmp_path]), Memory()))
    assert [str(result) for result in results if not result.passed] == []
    assert results


def test_the_change_of_a_price_prints_what_the_page_shows(tmp_path: Path) -> None:
    passed, failed, mistaken = TOLD
    (tmp_path / "last-year").mkdir()
    file = tmp_path / "last-year" / "acme.yaml"

    def told(text: str) -> str:
        file.write_text(text)
        return CliRunner().invoke(app, ["check", str(file.parent)]).output.replace(f"{tmp_path}/", "")

    assert told(EXAMPLES[0]) == passed
    assert told(EXAMPLES[0].replace('amount: "20.00"', 'amount: "22.00"')) == failed
    assert told(EXAMPLES[0].replace("price:", "pryce:")) == mistaken


def test_the_options_are_those_of_the_command() -> None:
    listed = [row[0].split()[0] for row in rows(sections(PAGE, "##")["The commands"])]
    known = get_command(app).commands["check"].params  # type: ignore[attr-defined]
    taken = {option for parameter in known for option in parameter.opts if option.startswith("--")}
    assert set(listed) == taken


def test_the_keys_of_every_case_are_listed() -> None:
    keys = table(sections(PAGE, "##")["What every case says"])
    assert [words(row[0])[0] for row in keys] == ["name", "kind", *list(Case.model_fields)[1:], "expect"]
    assert words(keys[1][1]) == list(KINDS)


def test_the_models_of_prices_are_listed_with_their_keys() -> None:
    models = {get_args(one.model_fields["model"].annotation)[0]: one for one in get_args(get_args(Price)[0])}
    section = RULES["`price`: one charge for one quantity"]
    listed = {words(row[0])[0]: words(row[1]) for row in table(section)}
    assert listed.keys() == models.keys()
    shared = words(section.partition("Any model may carry")[2])
    for name, keys in listed.items():
        assert models[name].model_fields.keys() <= {"model", *shared, *keys}, name


def test_the_methods_of_schedules_and_treatments_of_changes_are_listed() -> None:
    methods = rows(RULES["`schedule`: one obligation over time"])
    assert [row[0] for row in methods] == list(get_args(Method))
    treatments = rows(RULES["`modify`: a contract modification (ASC 606-10-25-10 to 25-13)"])
    assert [row[0] for row in treatments] == list(get_args(Treatment))


def test_the_keys_of_a_scenario_are_listed() -> None:
    keys = table(sections(PAGE, "##")["A whole contract: `scenario`"])
    own = [name for name in Scenario.model_fields if name not in Case.model_fields and name != "kind"]
    assert [words(row[0])[0] for row in keys[: len(own)]] == own
    assert set(words(keys[own.index("meters")][1])[1:]) == set(get_args(Aggregate))


def test_the_patterns_of_revenue_are_listed() -> None:
    listed = [word for row in table(WHOLE["The contract"]) for word in words(row[0])]
    assert sorted(listed) == sorted(get_args(Recognition))


def test_the_steps_are_listed_each_as_it_can_be_written() -> None:
    listed = [word for row in table(WHOLE["The steps"]) for word in words(row[0])]
    stated: dict[str, Any] = {}
    for word in listed:
        step = yaml.safe_load(word.replace("{...}", "{}"))
        stated |= step if isinstance(step, dict) else {step: None}
    assert stated.keys() == ACTIONS.keys()
    for action, body in stated.items():
        fields = {field.alias or name for name, field in ACTIONS[action].model_fields.items()}
        assert set(body or ()) <= fields, action
        described = next(" ".join(row) for row in table(WHOLE["The steps"]) if re.search(rf"`{action}\b", row[0]))
        assert [field for field in fields if not re.search(rf"\b{field}\b", described)] == [], action


def test_what_a_scenario_may_expect_is_listed() -> None:
    text = WHOLE["What it may expect"]
    listed = {words(row[0])[0]: words(row[1]) for row in table(text)}
    assert listed.keys() == Expected.model_fields.keys()
    assert set(listed["invoices"]) >= ExpectedInvoice.model_fields.keys()
    assert set(listed["credit_notes"]) >= ExpectedCreditNote.model_fields.keys() - {"lines"}
    names = text[text.index("Balances are") :].split(".")[0]
    assert words(names) == list(get_args(BalanceName))
