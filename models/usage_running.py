"""What a contract's metered lines have used in their running periods, as it stands; nothing is claimed by looking."""

from sqlmodel import Session

from domain.prices import reads_events
from domain.rating import Usage
from domain.running import RunningLine, running, valued
from domain.state import ContractState, Item
from models.usage_so_far import Stretch, so_far
from models.usage_source import measure_of, usage_of
from models.usage_totals import aggregate


def running_lines(session: Session, state: ContractState) -> list[RunningLine]:
    """The metered lines that run, with what was used so far and what that comes to.

    Raises:
        UnpricedUsage: if usage has no price.
    """
    return valued(state.terms, running(state), lambda item: _usage(session, state.contract_id, item))


def _usage(session: Session, contract_id: str, item: Item) -> Usage:
    assert item.from_at is not None and item.to_at is not None
    if reads_events(item.price):
        totals = aggregate(
            session,
            contract_id,
            measure_of(item),
            from_at=item.from_at,
            to_at=item.to_at,
            period_from_at=item.period_from_at,
            period_to_at=item.period_end_at,
            each_event=True,
        )
    else:
        stretch = Stretch(item.from_at, item.to_at, item.period_from_at, item.period_end_at)
        totals = so_far(session, contract_id, measure_of(item), stretch, keep=True)
    return usage_of(totals)
