import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import keys


def test_an_id_depends_on_its_parts_alone() -> None:
    """Stored ids were derived so: another result would issue every document a second time."""
    assert keys.invoice_id("con_1", 1) == "inv_423d460a15a55e19893d45df3d3bf5bc"
    assert keys.invoice_id("con_1", 1) == keys.derived("inv", "con_1", 1)


@pytest.mark.parametrize(
    "other", [("inv", "con_1", 2), ("inv", "con_2", 1), ("sch", "con_1", 1), ("inv", "con_11"), ("inv", "con_", "11")]
)
def test_other_parts_give_another_id(other: tuple[str, ...]) -> None:
    assert keys.derived(*other) != keys.derived("inv", "con_1", 1)


def test_a_workflow_s_id_says_what_it_runs() -> None:
    assert keys.contract_workflow_id("con_1") == "contract/con_1"
    assert keys.collection_workflow_id("inv_1") == "collection/inv_1"
    assert keys.clock_workflow_id("clk_1") == "clock/clk_1"


@given(st.text(), st.text())
def test_an_id_is_a_uuid_of_version_5(prefix: str, part: str) -> None:
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, "urn:perennial")
    assert keys.derived(prefix, part) == f"{prefix}_{uuid.uuid5(namespace, f'{prefix}:{part}').hex}"
