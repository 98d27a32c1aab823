"""Rules about the code itself that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PACKAGES: Final = (
    *("domain", "models", "gateways", "activities", "workflows", "api", "sandbox", "bench", "demo"),
    *("scripts", "usage_files"),
)
LINES_MAX: Final = 300
# What a value can be made of. Nothing here reads a clock, a file, a socket or a source of randomness.
DOMAIN_IMPORTS: Final = frozenset(
    {
        *("__future__", "calendar", "collections", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions"),
        *("functools", "hashlib", "itertools", "json", "math", "operator", "re", "types", "typing", "uuid", "zoneinfo"),
        *("domain", "pydantic"),
    }
)
# A reminder must say what is to be done.
EMPTY_REMINDER: Final = re.compile(r"(?:#|//)\s*(?:TODO|FIXME|XXX|HACK)\b[\s:.]*(?:$|\()?\s*$")


def modules(*packages: str) -> list[Path]:
    """Every module of these packages and, without any, of the product, with those at the top."""
    folders = packages or PACKAGES
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(found if packages else [*found, *ROOT.glob("*.py")])


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the top-level name of each import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").partition(".")[0]


def floats(tree: ast.Module) -> Iterator[int]:
    """Yields the line of each float: the name, a literal, a function that gives one. Refusing a float is allowed."""
    refusals = {id(node.cls) for node in ast.walk(tree) if isinstance(node, ast.MatchClass)}
    for node in ast.walk(tree):
        named = isinstance(node, ast.Name) and node.id == "float" and id(node) not in refusals
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        inexact = isinstance(node, ast.Attribute) and node.attr in {"fsum", "sqrt", "pow", "total_seconds"}
        if named or literal or inexact:
            yield getattr(node, "lineno", 0)


@pytest.mark.parametrize("path", modules("domain"), ids=lambda path: path.name)
def test_the_domain_imports_only_what_values_are_made_of(path: Path) -> None:
    assert set(imported(ast.parse(path.read_text()))) <= DOMAIN_IMPORTS


@pytest.mark.parametrize("path", modules("domain"), ids=lambda path: path.name)
def test_the_domain_knows_no_float(path: Path) -> None:
    assert list(floats(ast.parse(path.read_text()))) == []


def test_no_module_outgrows_its_reader() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in modules() if "versions" not in path.parts}
    assert {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > LINES_MAX} == {}


def test_no_reminder_is_empty() -> None:
    lines = {
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*modules(), *(ROOT / "tests").rglob("*.py")]
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if EMPTY_REMINDER.search(line)
    }
    assert lines == set()


def test_only_settings_reads_the_environment() -> None:
    """`os.environ` and `os.getenv` elsewhere would be settings that nobody documents or checks."""
    product = [*modules("domain", "models", "gateways", "activities", "workflows", "api"), ROOT / "worker.py"]
    found = {
        str(path.relative_to(ROOT))
        for path in product
        if path.exists() and re.search(r"\b(?:os\.)?(?:environ|getenv)\b", path.read_text())
    }
    assert found == set()


@pytest.mark.parametrize(
    ("line", "empty"),
    [
        ("x = 1  # TODO", True),
        ("# FIXME:", True),
        ("# TODO: read the second page of results", False),
        ("todo = []", False),
    ],
)
def test_an_empty_reminder_is_one_without_words(line: str, empty: bool) -> None:
    assert bool(EMPTY_REMINDER.search(line)) is empty


@pytest.mark.parametrize("source", ["x: float", "x = 0.1", "float(1)", "math.sqrt(2)", "delta.total_seconds()"])
def test_a_float_is_found(source: str) -> None:
    assert list(floats(ast.parse(source))) == [1]


@pytest.mark.parametrize("source", ["import os", "from os import path", "def f():\n    import os", "from . import os"])
def test_an_import_outside_the_list_is_found(source: str) -> None:
    assert not set(imported(ast.parse(source))) <= DOMAIN_IMPORTS
