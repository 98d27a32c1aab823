from scripts.lock import LOCK, ROOT, faults

PYPROJECT = (ROOT / "pyproject.toml").read_text()
LOCKED = LOCK.read_text()


def test_the_lock_file_belongs_to_this_project() -> None:
    assert list(faults(PYPROJECT, LOCKED)) == []


def test_a_changed_requirement_asks_for_a_new_lock_file() -> None:
    changed = PYPROJECT.replace('"orjson>=', '"orjson>=99.')
    found = list(faults(changed, LOCKED))
    assert found[0] == "requirements.lock was not resolved from this pyproject.toml: run `make lock`"
    assert [fault for fault in found if fault.startswith("orjson>=99.")]


def test_a_change_elsewhere_in_the_project_file_asks_for_nothing() -> None:
    assert list(faults(PYPROJECT.replace("line-length = 120", "line-length = 121"), LOCKED)) == []


def test_a_download_address_is_refused() -> None:
    address = LOCKED + "# from https://files.internal/simple\n"
    assert list(faults(PYPROJECT, address)) == ["requirements.lock holds a download address"]


def test_a_pin_without_a_hash_is_refused() -> None:
    assert "bare is locked without a hash" in list(faults(PYPROJECT, LOCKED + "bare==1.0\n"))
