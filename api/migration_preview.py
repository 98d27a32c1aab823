"""What a migration would do to each contract and its next invoice. The core that moves and bills does it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final, Literal

from pydantic import Field
from sqlmodel import Session

from api.amounts import Amount
from api.calls import Call, CurrentCall
from api.fields import Output
from api.migration_asking import NewMigration, selected
from api.pages import Cursor, Limit, decode_cursor, encode_cursor
from api.plan_versions import Number
from api.previews import next_document
from api.routing import api_router, needs
from api.test_clocks import business_time
from domain.commands import AddLine, LineChange, Revise, line_of
from domain.contract import decide
from domain.errors import DomainError
from domain.line import Line
from domain.period import local_date
from domain.state import ContractState
from models import plan_migration
from models.contract import Contract, state_of
from models.plan_moves import Moves

LIMIT: Final = 20

router = api_router("/v1/plans/{plan_id}/versions/{version}/migrations", "Migrations")


class ChangedLine(Output):
    change: LineChange
    before: Line | None = Field(description="Null for a line that comes.")
    on: date | None = Field(description="From which day; null for the renewal.")


class NextTotal(Output):
    issued_on: date
    total: Amount


class ContractPreview(Output):
    contract_id: str
    customer_id: str
    outcome: Literal["moves", "unchanged", "refused"]
    reason: str | None = Field(default=None, description="Why it is refused.")
    changes: tuple[ChangedLine, ...] = ()
    before: NextTotal | None = Field(default=None, description="The next invoice as it would be without the move.")
    after: NextTotal | None = Field(default=None, description="The same with the move.")


class PageTotals(Output):
    """Of the contracts of this page that move."""

    contracts: int
    before: Amount
    after: Amount


class MigrationPreview(Output):
    selected: int = Field(description="How many contracts are selected, on all pages.")
    items: list[ContractPreview]
    counts: dict[Literal["moves", "unchanged", "refused"], int] = Field(description="Of the contracts of this page.")
    totals: dict[str, PageTotals] = Field(description="What the next invoices come to, by currency.")
    next_cursor: str | None = Field(description="Send as `cursor` for the next page; null on the last one.")


@router.post(
    "/preview",
    operation_id="previewMigration",
    summary="What moving contracts to a version would change",
    responses={409: {}},
    dependencies=[needs("contracts:read")],
)
def preview_migration(
    plan_id: str, version: Number, body: NewMigration, call: CurrentCall, cursor: Cursor = None, limit: Limit = LIMIT
) -> MigrationPreview:
    """Takes the body of the migration itself and changes nothing. Contracts come newest first, page by page."""
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        selection = selected(session, plan_id, version, body)
        rows = plan_migration.list_selected(session, selection, after=after, limit=limit + 1)
        moves = Moves(session, plan_id, version, body.effective)
        items = [_previewed(session, call, moves, row) for row in rows[:limit]]
        return MigrationPreview(
            selected=plan_migration.count_selected(session, selection),
            items=items,
            counts={name: sum(item.outcome == name for item in items) for name in ("moves", "unchanged", "refused")},
            totals=_totals(items),
            next_cursor=encode_cursor(rows[limit - 1].sequence) if len(rows) > limit else None,
        )


def _previewed(session: Session, call: Call, moves: Moves, row: Contract) -> ContractPreview:
    state = state_of(row)
    at = business_time(session, row.clock_id) if row.clock_id else call.at
    try:
        change = moves.of(row)
        if change is None:
            return ContractPreview(contract_id=row.id, customer_id=row.customer_id, outcome="unchanged")
        moved = decide(state, change, at).state
    except DomainError as refusal:
        return ContractPreview(
            contract_id=row.id, customer_id=row.customer_id, outcome="refused", reason=refusal.message
        )
    return ContractPreview(
        contract_id=row.id,
        customer_id=row.customer_id,
        outcome="moves",
        changes=_changes(state, moved, change, at),
        before=_next_total(session, state),
        after=_next_total(session, moved),
    )


def _changes(before: ContractState, after: ContractState, change: Revise, at: datetime) -> tuple[ChangedLine, ...]:
    """The changes with the days for which they wait; what waits for none is made at once."""
    today = local_date(at, before.terms.timezone)
    waiting = after.scheduled[len(before.scheduled) :]
    days = {line_of(one): scheduled.on for scheduled in waiting for one in scheduled.changes}
    lines = {line.id: line for line in before.terms.lines}
    return tuple(
        ChangedLine(
            change=one,
            before=None if isinstance(one, AddLine) else lines[one.line],
            on=days.get(line_of(one), today),
        )
        for one in change.changes
    )


def _next_total(session: Session, state: ContractState) -> NextTotal | None:
    document = next_document(session, state)
    return None if document is None else NextTotal(issued_on=document.issued_on, total=document.total)


def _totals(items: Iterable[ContractPreview]) -> dict[str, PageTotals]:
    moving = [item for item in items if item.before is not None or item.after is not None]
    by_currency: dict[str, list[ContractPreview]] = {}
    for item in moving:
        some = item.before or item.after
        assert some is not None
        by_currency.setdefault(some.total.currency, []).append(item)
    return {
        currency: PageTotals(
            contracts=len(found),
            before=_sum((item.before for item in found), currency),
            after=_sum((item.after for item in found), currency),
        )
        for currency, found in by_currency.items()
    }


def _sum(totals: Iterable[NextTotal | None], currency: str) -> Amount:
    return Amount.of(sum(one.total.amount_minor for one in totals if one is not None), currency)
