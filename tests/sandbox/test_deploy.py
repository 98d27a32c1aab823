"""The stack and the files in deploy/ repeat names of the product; here they are held together."""

import re
from pathlib import Path
from typing import Final

from activities.signatures import CONTRACTS_QUEUE
from sandbox import parts, temporal
from settings import Settings
from workflows.visibility import ATTRIBUTES

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = (ROOT / "docker-compose.yml").read_text()
EXAMPLE: Final = (ROOT / "deploy" / "example.env").read_text()


def test_the_stack_registers_every_search_attribute_of_the_workflows() -> None:
    assert {key.name: key.indexed_value_type.name.title() for key in ATTRIBUTES} == temporal.SEARCH_ATTRIBUTES


def test_a_worker_is_found_by_the_queue_it_polls() -> None:
    assert parts.WORKER_QUEUE == CONTRACTS_QUEUE
    assert f"--task-queue {CONTRACTS_QUEUE} " in COMPOSE


def test_the_cluster_registers_the_same_search_attributes() -> None:
    script = (ROOT / "deploy" / "temporal-namespace.sh").read_text()
    registered = dict(re.findall(r"\b(\w+)=(Keyword|Int|Datetime|Text|Bool|Double|KeywordList)\b", script))
    assert registered == temporal.SEARCH_ATTRIBUTES


def test_no_secret_has_a_value_or_a_default() -> None:
    assert re.findall(r"^(\w+)=(.+)$", EXAMPLE, re.MULTILINE) == []
    secrets = set(re.findall(r"^(\w+)=$", EXAMPLE, re.MULTILINE))
    used = re.findall(r"\$\{(\w+)(:[?-])", COMPOSE)
    assert {name for name, guard in used if guard == ":?"} == secrets


def test_only_known_settings_are_set() -> None:
    known = {f"PERENNIAL_{name.upper()}" for name in Settings.model_fields}
    ours = {"PERENNIAL_DATABASE_PASSWORD"}
    assert set(re.findall(r"^\s+(PERENNIAL_\w+):", COMPOSE, re.MULTILINE)) <= known | ours


def test_the_databases_are_not_published() -> None:
    published = re.findall(r"^\s+ports: (.+)$", COMPOSE, re.MULTILINE)
    assert published == ['["127.0.0.1:${TEMPORAL_UI_PORT:-8080}:8080"]', '["127.0.0.1:${API_PORT:-8000}:8000"]']
