"""The documents say what the code does: figures, settings and routes are read out of them and compared."""

import json
import re
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings
from sqlalchemy import text
from typer.testing import CliRunner

from api.amendments import NewAmendment, NewCancellation
from api.app import ROUTERS
from api.contracts import NewContract
from api.corrections import NewCorrection
from api.customers import NewCustomer
from api.recognition import NewRecognition
from api.routing import guarded_routes
from api.scopes import SCOPES
from api.simulations import NewSimulation
from api.test_clocks import Advance, NewTestClock
from cases.check import check
from cases.memory import Memory
from cases.reading import read as read_cases
from cli import app as cli
from domain.commands import Change, ChangeType
from domain.correcting import (
    Correction,
    CorrectionType,
)
from models.database import Database
from settings import PREFIX, ClientSettings, Settings, StackSettings
from tests.pages import DOCS, read, rows, sections

NEVER_LISTED: Final = frozenset({"/openapi.json", "/docs"})

# What docker-compose.yml reads beside the settings of the product.
COMPOSE: Final = frozenset({"PERENNIAL_DATABASE_PASSWORD", "PERENNIAL_VERSION"})

# Settings.


def default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "none" if field.default in (None, ()) else str(field.default)


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("A worker and the API", Settings),
        ("The embedded stack", StackSettings),
        ("Commands that ask an API", ClientSettings),
    ],
)
def test_every_setting_is_documented_with_its_default(heading: str, kind: type[BaseSettings]) -> None:
    table = rows(sections(sections(read("operations.md"), "##")["Settings"], "###")[heading])
    settings = {f"{PREFIX}{name.upper()}": default(field) for name, field in kind.model_fields.items()}
    assert {row[0]: row[1] for row in table} == settings
    assert all(row[2] for row in table)


def test_the_queries_for_operators_run(database: Database) -> None:
    queries = re.findall(r"```sql\n(.+?)```", read("operations.md"), flags=re.DOTALL)
    with database.transaction() as session:
        for query in queries:
            assert session.execute(text(query)).all() == []
    assert queries


# Routes.


def test_the_table_of_routes_is_what_the_api_serves() -> None:
    app = FastAPI(openapi_url=None)
    for router in ROUTERS:
        app.include_router(router)
    served = [
        [method, route.path, route.guard.scope_needed or "none", route.summary]
        for route in guarded_routes(app)
        if route.path not in NEVER_LISTED
        for method in sorted(route.methods or ())
    ]
    assert sorted(rows(sections(read("api.md"), "##")["Routes"])) == sorted(served)


def test_every_scope_is_documented() -> None:
    assert [row[0] for row in rows(sections(read("api.md"), "##")["Scopes"])] == list(SCOPES)


# What callers may ask for.


@pytest.mark.parametrize(
    ("heading", "every", "one"),
    [("Change a contract", ChangeType, Change), ("Correct an invoice", CorrectionType, Correction)],
)
def test_everything_that_may_be_asked_of_a_workflow_is_shown(heading: str, every: Any, one: Any) -> None:
    table = rows(sections(read("api.md"), "##")[heading])
    assert {row[0] for row in table} == {kind.model_fields["kind"].default for kind in get_args(every)}
    for kind, example, _ in table:
        assert TypeAdapter(one).validate_json(example).kind == kind


def test_the_bodies_of_requests_are_what_the_api_takes() -> None:
    """A body is known by the field that no other has."""
    kinds: dict[str, type[BaseModel]] = {
        "change": NewAmendment,
        "when": NewCancellation,
        "through": NewRecognition,
        "correction": NewCorrection,
        "until": NewSimulation,
        "to": Advance,
    }
    shown = set()
    for body in re.findall(r"```json\n(.+?)```", read("api.md"), flags=re.DOTALL):
        for field in kinds.keys() & json.loads(body).keys():
            kinds[field].model_validate_json(body)
            shown.add(field)
    assert shown == kinds.keys()


# Commands, links and bodies.

PAGES: Final = sorted([*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    linked = {link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)} - {""}
    assert {link for link in linked if not (page.parent / link).exists()} == set()
    targets = set(re.findall(r"^([a-z]+):", (DOCS.parent / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text, flags=re.MULTILINE)) <= {
        pair for target in targets for pair in ((target, ""), ("", target))
    }
    commands = {command.name or command.callback.__name__ for command in cli.registered_commands if command.callback}
    commands |= {group.name for group in cli.registered_groups if group.name}
    assert set(re.findall(r"(?:`|bin/)perennial ([a-z]+)", text)) <= commands
    kinds = (Settings, StackSettings, ClientSettings)
    known = {f"{PREFIX}{name.upper()}" for kind in kinds for name in kind.model_fields}
    assert set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", text)) <= known | COMPOSE


def test_the_first_steps_send_what_the_api_takes() -> None:
    """Bodies without a model, such as batches of usage, are only held to be JSON."""
    readme = (DOCS.parent / "README.md").read_text()
    bodies = [json.loads(body) for body in re.findall(r"-d '(.+?)'", readme)]
    [contract] = re.findall(r"<<BODY.*?\n(.+?)\nBODY", readme, flags=re.DOTALL)
    assert NewContract.model_validate_json(contract).terms.lines
    sent: list[tuple[type[BaseModel], set[str]]] = [
        (NewCustomer, {"key", "name"}),
        (NewTestClock, {"name", "now"}),
        (Advance, {"to"}),
        (NewAmendment, {"change", "dry_run"}),
    ]
    for model, keys in sent:
        [body] = [body for body in bodies if isinstance(body, dict) and body.keys() == keys]
        model.model_validate(body)


# Cases.


def test_the_figures_of_billing_are_what_the_product_answers() -> None:
    results = list(check(read_cases([DOCS / "billing.yaml"]), Memory()))
    assert [str(result) for result in results if not result.passed] == []
    assert results


def test_the_contract_of_the_readme_bills_what_it_shows(tmp_path: Path) -> None:
    readme = (DOCS.parent / "README.md").read_text()
    [(contract, shown)] = re.findall(r"```yaml\n(.+?)```.+?```text\n(.+?)```", readme, flags=re.DOTALL)
    file = tmp_path / "acme.yaml"
    file.write_text(contract)
    told = CliRunner().invoke(cli, ["simulate", str(file)])
    assert told.exit_code == 0
    assert [line.rstrip() for line in told.output.splitlines()] == shown.splitlines()


def test_the_readme_counts_the_public_cases() -> None:
    [last, count] = re.findall(r"^PASS (\S+)\n(\d+) passed, 0 failed", (DOCS.parent / "README.md").read_text(), re.M)[0]
    public = read_cases([DOCS.parent / "cases" / "public"])
    assert (public[-1].case.name, len(public)) == (last, int(count))
