"""Each step is known to Temporal under one name, the one that the workflows call it by."""

import inspect

import pytest
from temporalio import activity

from activities.charging import Charging
from activities.invoicing import Invoicing
from activities.signatures import ChargingSteps, InvoicingSteps

PAIRS = [(InvoicingSteps, Invoicing), (ChargingSteps, Charging)]
METHODS = [(signatures, steps, name) for signatures, steps in PAIRS for name in sorted(signatures.__abstractmethods__)]


def definition(owner: type, name: str) -> tuple[str | None, bool]:
    defined = activity._Definition.must_from_callable(getattr(owner, name))
    return defined.name, defined.is_async


@pytest.mark.parametrize(("signatures", "steps", "name"), METHODS, ids=lambda value: getattr(value, "__name__", value))
def test_a_step_has_the_name_and_types_of_its_signature(signatures: type, steps: type, name: str) -> None:
    assert definition(signatures, name) == definition(steps, name)
    declared, implemented = (inspect.signature(getattr(owner, name), eval_str=True) for owner in (signatures, steps))
    assert declared == implemented


def test_every_step_is_covered() -> None:
    assert {name for _, _, name in METHODS} == {
        "rate_usage",
        "issue_invoice",
        "record_change",
        "has_payment_method",
        "charge_invoice",
        "review_payment",
    }
