"""The changes that move stored contracts to a version of their plan."""

from sqlmodel import Session

from domain.catalogue import PlanTerms
from domain.commands import Revise
from domain.errors import RefusedChange
from domain.migrating import MoveEffective, move
from domain.offers import PlanVersion
from models import catalogue
from models.contract import Contract, state_of


class Moves:
    """Reads each version of the plan once."""

    def __init__(self, session: Session, plan_id: str, version: int, effective: MoveEffective) -> None:
        self._session, self._effective = session, effective
        self._to = PlanVersion(id=plan_id, version=version)
        self._terms: dict[int, PlanTerms] = {}

    def of(self, contract: Contract) -> Revise | None:
        """The change that moves the contract; None where it is on the version, or waits for it, already.

        Raises:
            DomainError: with the reason why it cannot be moved.
        """
        state = state_of(contract)
        plan = state.terms.plan
        if plan is None or plan.id != self._to.id:
            raise RefusedChange(f"the contract is not on the plan {self._to.id}")
        old, new = self._version(plan.version), self._version(self._to.version)
        return move(state, old, new, self._to, effective=self._effective)

    def _version(self, version: int) -> PlanTerms:
        if version not in self._terms:
            row = catalogue.get_version(self._session, self._to.id, version)
            if row is None:
                raise RefusedChange(f"there is no version {version} of {self._to.id} in the catalogue")
            self._terms[version] = catalogue.terms_of(row)
        return self._terms[version]
