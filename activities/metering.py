"""Usage as rating wants it: claimed for a bill, or counted so far without a claim."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from activities.failures import NotRated
from activities.signatures import RateUsage
from domain.period import first_instant
from domain.rating import Group, Usage, group_by
from domain.state import Bill, Item
from models.issuing import first_claims
from models.rated_line import Claim, claim
from models.usage_totals import Measure, UsageTotals, aggregate


@dataclass(frozen=True, slots=True)
class Metered:
    """The usage of an item; `rated_line_id` and `up_to_seq` say which claim counted it."""

    usage: Usage
    rated_line_id: str | None = None
    up_to_seq: int | None = None


Stretch = tuple[str, datetime | None]
Claims = Mapping[Stretch, Metered]


def claim_usage(session: Session, request: RateUsage) -> int:
    """Claim the usage of each item, or find that it was claimed; return how many events that are."""
    claims = [claim(session, _claim(request.contract_id, item)) for _, item in request.items]
    return sum(rated.event_count for rated in claims)


def stretch(item: Item) -> Stretch:
    """What tells apart the claims of a contract."""
    return item.line, item.from_at


def claimed(session: Session, contract_id: str, bill: Bill) -> Claims:
    """The claimed usage of a bill's items.

    Raises:
        NotRated: if one was never claimed.
    """
    items = [item for item in bill.items if item.kind == "usage"]
    if not items:
        return {}
    since_at = min(item.from_at for item in items if item.from_at is not None)
    rated = first_claims(session, contract_id, {item.line for item in items}, since_at)
    claims = {(line.line_id, line.from_at): line for line in rated}
    for item in items:
        claim_of_item = claims.get((item.line, item.from_at or since_at))
        if claim_of_item is None or claim_of_item.to_at != item.to_at:
            raise NotRated(f"usage of {item.line} from {item.from_at} was not claimed for document {bill.document}")
    return {key: Metered(_usage(line.totals), line.id, line.up_to_seq) for key, line in claims.items()}


def usage_so_far(session: Session, contract_id: str, item: Item) -> Metered:
    """The usage of an item that is not billed yet, counted without claiming it."""
    assert item.from_at is not None and item.to_at is not None
    totals = aggregate(session, contract_id, _measure(item), from_at=item.from_at, to_at=item.to_at)
    return Metered(_usage(totals))


def up_to(item: Item, day: date, zone: str) -> Item:
    """The part of a usage item that lies before `day`."""
    return replace(item, end=day, part_days=(day - item.start).days, to_at=first_instant(day, zone))


def usage_within(session: Session, contract_id: str, part: Item, whole: Metered) -> Usage:
    """The usage of a part of an item, counting only what the whole counted."""
    assert part.from_at is not None and part.to_at is not None
    totals = aggregate(
        session, contract_id, _measure(part), from_at=part.from_at, to_at=part.to_at, up_to_seq=whole.up_to_seq
    )
    return _usage(totals)


def _claim(contract_id: str, item: Item) -> Claim:
    assert item.from_at is not None and item.to_at is not None
    return Claim(
        contract_id=contract_id,
        line_id=item.line,
        measure=_measure(item),
        period_start=item.start,
        period_end=item.end,
        from_at=item.from_at,
        to_at=item.to_at,
    )


def _measure(item: Item) -> Measure:
    assert item.event is not None and item.aggregate is not None and item.reads is not None
    return Measure(item.event, item.aggregate, item.reads, group_by(item.price))


def _usage(totals: UsageTotals) -> Usage:
    return Usage(totals.total, tuple(Group(dict(properties), quantity) for properties, quantity in totals.groups))
