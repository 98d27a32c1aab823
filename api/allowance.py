"""What a contract may still use: for products that ask before they serve. It is read as it stands, at every call."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from pydantic import Field

from api.amounts import Amount, Quantity
from api.calls import CurrentCall
from api.contracts import existing_contract
from api.fields import Output
from api.routing import api_router, needs
from domain.running import Reached, RunningLine, limits_reached
from domain.state import ContractState, Status
from models.contract import state_of
from models.usage_running import running_lines

SERVED: frozenset[Status] = frozenset({"trialing", "active", "past_due"})

router = api_router("/v1/contracts/{contract_id}", "Contracts")


class LimitUse(Output):
    """How far a limit is used; amounts in major units of the contract's currency, before taxes."""

    id: str
    action: Literal["alert", "cap", "invoice"]
    of: Literal["amount", "quantity"]
    limit: Quantity
    used: Quantity
    remaining: Quantity
    percent: Quantity = Field(description="Of the limit, rounded down to two decimals.")
    passed: bool


class LineAllowance(Output):
    line: str
    meter: str
    period_start: date
    period_end: date = Field(description="Exclusive.")
    used: Quantity
    included: Quantity | None = Field(description="Units that cost nothing, by the price that holds now.")
    amount: Amount = Field(description="What it comes to so far, before taxes, commitments and credits.")
    limits: list[LimitUse] = Field(description="Those of this line.")
    allowed: bool
    blocked_by: list[str] = Field(description="The caps that say no: the line's own and the contract's.")


class Allowance(Output):
    contract_id: str
    status: Status
    allowed: bool = Field(description="Whether the contract is served, and none of its own caps is reached.")
    blocked_by: list[str] = Field(description="The contract's own caps that are reached; not those of single lines.")
    amount: Amount = Field(description="What all metered lines come to in their running periods.")
    limits: list[LimitUse] = Field(description="Those of all metered lines together.")
    lines: list[LineAllowance]


@router.get(
    "/allowance",
    operation_id="getAllowance",
    summary="What a contract has used and may still use",
    dependencies=[needs("usage:read")],
)
def get_allowance(contract_id: str, call: CurrentCall) -> Allowance:
    """Ask before you serve. Usage that is sent is taken in whatever this says.

    A line without a limit is allowed as long as the contract is served. In a trial nothing is counted.
    """
    with call.parts.database.transaction() as session:
        state = state_of(existing_contract(session, contract_id))
        lines = running_lines(session, state)
    return _shown(state, lines, limits_reached(state.terms, lines))


def _shown(state: ContractState, lines: Sequence[RunningLine], reached: Sequence[Reached]) -> Allowance:
    served, currency = state.status in SERVED, state.terms.currency
    own = [one for one in reached if one.limit.line is None]
    blocked_by = _caps(own)
    return Allowance(
        contract_id=state.contract_id,
        status=state.status,
        allowed=served and not blocked_by,
        blocked_by=blocked_by,
        amount=Amount.of(sum(line.amount_minor for line in lines), currency),
        limits=[_use(one) for one in own],
        lines=[
            _line(line, [one for one in reached if one.limit.line == line.line.id], blocked_by, currency, served=served)
            for line in lines
        ],
    )


def _line(
    line: RunningLine, reached: Sequence[Reached], blocked_by: list[str], currency: str, *, served: bool
) -> LineAllowance:
    assert line.line.meter is not None
    caps = [*_caps(reached), *blocked_by]
    return LineAllowance(
        line=line.line.id,
        meter=line.line.meter,
        period_start=line.starts_on,
        period_end=line.ends_on,
        used=line.used,
        included=line.line.price.included,
        amount=Amount.of(line.amount_minor, currency),
        limits=[_use(one) for one in reached],
        allowed=served and not caps,
        blocked_by=caps,
    )


def _caps(reached: Sequence[Reached]) -> list[str]:
    return [one.limit.id for one in reached if one.limit.action == "cap" and one.passed]


def _use(one: Reached) -> LimitUse:
    limit = one.limit
    return LimitUse(
        id=limit.id,
        action=limit.action,
        of="quantity" if limit.amount is None else "amount",
        limit=limit.bound,
        used=one.used,
        remaining=one.remaining,
        percent=one.percent,
        passed=one.passed,
    )
