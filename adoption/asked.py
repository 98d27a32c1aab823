"""A contract to adopt, as a file's rows or a request say it, and what is wrong with it."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from domain.adoption import LineOpening, Opening
from domain.keys import derived
from domain.line import Frozen, Slug
from domain.prices import ZERO, NonNegative
from domain.terms import Terms

ExternalId = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=200)]
Reference = Annotated[str, Field(min_length=1, max_length=200)]


class Adoption(Frozen):
    """One contract that was billed elsewhere so far; `external_id` is its id there."""

    external_id: ExternalId = Field(description="Its id in the system that billed it so far.")
    customer: Reference = Field(description="The customer's id, or its key.")
    terms: Terms
    lines: dict[Slug, LineOpening] = Field(description="By line: how far it was billed, and what of that is deferred.")
    customer_credit: NonNegative = Field(default=ZERO, description="What the customer is owed.")

    @property
    def contract_id(self) -> str:
        """The id that the contract has here, however often it is adopted."""
        return derived("con", "adopted", self.external_id)

    @property
    def opening(self) -> Opening:
        return Opening(lines=self.lines, customer_credit=self.customer_credit)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to correct in a file. The header is row 1; row 0 is the file itself."""

    row: int
    column: str
    message: str
    external_id: str = ""
