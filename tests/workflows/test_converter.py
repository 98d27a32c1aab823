"""What crosses Temporal comes back as it was, and its schemas are built once in a process."""

from datetime import UTC, date, datetime

import pytest
from pydantic import TypeAdapter

from activities.signatures import Decided
from domain.commands import Wake
from domain.contract import decide, sign
from tests.workflows.story import monthly
from workflows.converter import PayloadConverter

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_decision_crosses_temporal_unchanged() -> None:
    decision = decide(sign("con_1", "cus_1", monthly(date(2026, 1, 1), amount="99.10")), Wake(), AT)
    decided = Decided(decision, 1, AT)
    converter = PayloadConverter()
    assert converter.from_payloads(converter.to_payloads([decided]), [Decided]) == [decided]


def test_converters_of_different_runs_share_their_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    payloads = PayloadConverter().to_payloads([AT])
    PayloadConverter().from_payloads(payloads, [datetime])
    # From here on a schema could not be built any more.
    monkeypatch.setattr(TypeAdapter, "__init__", None)
    assert PayloadConverter().from_payloads(payloads, [datetime]) == [AT]
