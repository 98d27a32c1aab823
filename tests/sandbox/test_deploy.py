"""The files in deploy/ repeat what the embedded stack says; here they are held together."""

import re
from pathlib import Path
from typing import Final

from sandbox import temporal
from settings import Settings

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final = (ROOT / "docker-compose.yml").read_text()
EXAMPLE: Final = (ROOT / "deploy" / "example.env").read_text()


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
