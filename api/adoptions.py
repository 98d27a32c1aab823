"""Contracts that were billed elsewhere so far: checked, and taken over with their opening balances."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator
from sqlmodel import Session

from adoption.asked import Adoption
from adoption.storing import Checked, adopt, check
from api.calls import Call, CurrentCall
from api.fields import Input, Output
from api.problems import FAULTS_SHOWN_MAX, Fault, Problem
from api.routing import api_router, needs
from domain.offers import Day
from domain.prices import NotEmpty

router = api_router("/v1/adoptions", "Contracts")


class NewAdoptions(Input):
    on: Day | None = Field(default=None, description="The day of the opening balances; today (UTC) if absent.")
    contracts: Annotated[tuple[Adoption, ...], NotEmpty] = Field(max_length=100)
    dry_run: bool = Field(default=False, description="Only tell what would be done.")

    @field_validator("contracts")
    @classmethod
    def _each_once(cls, contracts: tuple[Adoption, ...]) -> tuple[Adoption, ...]:
        ids = [contract.external_id for contract in contracts]
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        if twice:
            raise ValueError(f"external_id {', '.join(twice)} stands here more than once")
        return contracts


class AdoptedOut(Output):
    external_id: str
    id: str = Field(description="The contract's id here.")
    outcome: Literal["adopted", "unchanged", "refused"] = Field(
        description="`unchanged`: it was adopted before, with the same content. Refused only in a dry run."
    )
    problems: list[Fault]


class AdoptionsOut(Output):
    on: date
    dry_run: bool
    contracts: list[AdoptedOut]


@router.post(
    "",
    operation_id="adoptContracts",
    summary="Adopt contracts that were billed elsewhere",
    dependencies=[needs("contracts:write")],
)
def adopt_contracts(body: NewAdoptions, call: CurrentCall) -> AdoptionsOut:
    """All of them or none: 422 with every problem. What was adopted before with the same content stays as it is.

    The contracts are stored; a worker starts their workflows within moments.
    """
    on = body.on or call.at.date()
    checked = call.parts.database.run(lambda session: _adopt(session, call, body, on))
    contracts = [_shown(index, asked, checked[index]) for index, asked in enumerate(body.contracts)]
    return AdoptionsOut(on=on, dry_run=body.dry_run, contracts=contracts)


def _adopt(session: Session, call: Call, body: NewAdoptions, on: date) -> list[Checked]:
    checked = [check(session, asked, on) for asked in body.contracts]
    if body.dry_run:
        return checked
    faults = [fault for index, found in enumerate(checked) for fault in _faults(index, found)]
    if faults:
        detail = "Nothing was adopted. Correct what `errors` names and send it again; a dry run names all of it."
        raise Problem(422, "refused-adoption", detail, tuple(faults[:FAULTS_SHOWN_MAX]))
    for asked, found in zip(body.contracts, checked, strict=True):
        if found.outcome == "adopted":
            adopt(session, asked, on=on, at=call.at, spread_seconds=call.parts.spread_seconds)
            call.audit(session, "contract.adopted", found.contract_id)
    return checked


def _shown(index: int, asked: Adoption, checked: Checked) -> AdoptedOut:
    return AdoptedOut(
        external_id=asked.external_id,
        id=checked.contract_id,
        outcome="refused" if checked.faults else checked.outcome,
        problems=_faults(index, checked),
    )


def _faults(index: int, checked: Checked) -> list[Fault]:
    return [
        Fault(detail=fault.message, pointer=fault.field if fault.field == "/on" else f"/contracts/{index}{fault.field}")
        for fault in checked.faults
    ]
