"""The documents, read by headings and tables."""

import re
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parents[1] / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text()


def rows(page: str) -> list[list[str]]:
    """The cells of the first table in a Markdown text, without its head and without back quotes."""
    table = re.search(r"(?:^\|.*\n)+", page, flags=re.MULTILINE)
    assert table is not None, f"there is no table in {page[:80]!r}"
    lines = table[0].replace("`", "").splitlines()[2:]
    return [[cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]


def sections(page: str, marks: str) -> dict[str, str]:
    """What stands below each heading of one level, by heading."""
    parts = re.split(rf"^{marks} (.+)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
