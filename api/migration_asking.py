"""Which contracts a caller wants to move to a version of a plan."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from sqlmodel import Session

from api.catalogue import existing_plan
from api.fields import Input
from api.problems import invalid, not_found
from domain.errors import RefusedChange
from domain.migrating import MoveEffective
from models import catalogue, plan_migration
from models.customer import resolve_customer
from models.plan_migration import Selection

Reference = Annotated[str, Field(min_length=1, max_length=200)]


class NewMigration(Input):
    """All contracts on other versions of the plan that have not ended, if it says nothing else."""

    from_versions: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), max_length=100, description="Only contracts on these versions."
    )
    customers: tuple[Reference, ...] = Field(
        default=(), max_length=1000, description="Only contracts of these customers, by id or key."
    )
    contracts: tuple[Reference, ...] = Field(default=(), max_length=1000, description="Exactly these contracts.")
    effective: MoveEffective = Field(
        default="next_period", description="Each line at its own next period, or all of them when the term renews."
    )

    @model_validator(mode="after")
    def _selects_one_way(self) -> Self:
        if self.contracts and (self.from_versions or self.customers):
            raise ValueError("contracts: name the contracts, or versions and customers, not both")
        return self


def selected(session: Session, plan_id: str, version: int, asked: NewMigration) -> Selection:
    """The selection, of which every part exists.

    Raises:
        RefusedChange: if the version is not published.
        Problem: 404 or 422, for what does not exist.
    """
    existing_plan(session, plan_id)
    row = catalogue.get_version(session, plan_id, version)
    if row is None:
        raise not_found("plan version", f"{plan_id}/{version}")
    if row.status != "published":
        raise RefusedChange(f"version {version} of {plan_id} is {row.status}; contracts move to a published one")
    for contract_id in plan_migration.unknown_contracts(session, asked.contracts):
        raise invalid("There is no contract with this id.", f"/contracts/{asked.contracts.index(contract_id)}")
    customers = tuple(_customer(session, place, name) for place, name in enumerate(asked.customers))
    return Selection(plan_id, version, asked.from_versions, customers, asked.contracts)


def _customer(session: Session, place: int, name: str) -> str:
    found = resolve_customer(session, name)
    if found is None:
        raise invalid("There is no customer with this id or key.", f"/customers/{place}")
    return found.id
