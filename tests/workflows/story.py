"""Terms and contracts that the workflow tests share."""

from datetime import date, datetime

from temporalio.client import Client, WorkflowHandle

from activities.signatures import CONTRACTS_QUEUE
from domain import keys
from domain.contract import sign
from domain.life import ContractLife
from domain.terms import Terms
from workflows.contract import Contract


def monthly(start: date, *, months: int | None = 12, amount: str = "99.00", **more: object) -> Terms:
    """A flat fee a month in advance, in US dollars."""
    return Terms.model_validate(
        {
            "currency": "USD",
            "start": start,
            "term": {"months": months} if months else None,
            "lines": [
                {
                    "id": "plan",
                    "price": {"model": "per_unit", "amount": amount},
                    "quantity": "1",
                    "every": "month",
                    "bill": "advance",
                }
            ],
            **more,
        }
    )


async def start_contract(
    client: Client,
    terms: Terms,
    contract_id: str = "con_1",
    *,
    clock_id: str | None = None,
    clock_now: datetime | None = None,
) -> WorkflowHandle[Contract, str]:
    """A running contract workflow."""
    life = ContractLife(sign(contract_id, "cus_1", terms), clock_id=clock_id, clock_now=clock_now)
    return await client.start_workflow(
        Contract.run, life, id=keys.contract_workflow_id(contract_id), task_queue=CONTRACTS_QUEUE
    )
