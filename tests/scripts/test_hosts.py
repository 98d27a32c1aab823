from pathlib import Path

import pytest

from scripts import hosts


def test_no_file_names_a_package_registry() -> None:
    assert list(hosts.mentions()) == []


def test_a_file_that_names_one_is_reported_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("first line\nsee https://" + "pypi" + ".org/simple\n")
    monkeypatch.setattr(hosts, "ROOT", tmp_path)
    assert list(hosts.mentions()) == ["notes.txt:2 names pypi" + ".org"]
