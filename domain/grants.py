"""What becomes of prepaid credits that are not used."""

from dataclasses import replace

from domain.books import Grant, Schedule
from domain.keys import derived
from domain.matter import ONE_DAY, Matter
from domain.prepaid import earned
from domain.revenue import Earning, is_done


def expire(matter: Matter) -> None:
    """Earn what is left of credits on the day after their last one.

    Usage that came late may still draw from them: then less was left, so that they never earn more than was paid.
    """
    books = matter.books
    for grant in books.grants.values():
        if grant.closed or grant.expires_on is None or grant.expires_on + ONE_DAY >= matter.through:
            continue
        id_ = _left_id(grant)
        used_minor = matter.used_now.get(grant.id, grant.used_minor)
        known = books.schedules.get(id_)
        if known is not None and used_minor == matter.used_before.get(grant.id, used_minor) == grant.used_minor:
            continue
        fresh = _left(grant, known, used_minor)
        more_minor = fresh.amount_minor - fresh.recognized_minor
        _keep(matter, grant, replace(fresh, recognized_minor=fresh.amount_minor, recognized_through=fresh.ends_on))
        earning = Earning(fresh.line_id, fresh.basis, fresh.starts_on, more_minor)
        matter.earn([earning], known_on=matter.through - ONE_DAY)


def close_grants(matter: Matter) -> None:
    """Withdraw all credits, since the contract is over: what is left of them is to be earned now."""
    for grant in matter.books.grants.values():
        if not grant.closed:
            fresh = _left(grant, matter.books.schedules.get(_left_id(grant)), grant.used_minor)
            _keep(matter, grant, fresh)
            grant.earned_minor = grant.paid_minor
            grant.closed = True


def _left(grant: Grant, known: Schedule | None, used_minor: int) -> Schedule:
    # What was paid for after a write-off, when the credits were gone, is earned already, and running usage will earn
    # its share when it is billed. All the rest is left.
    running_minor = earned(grant, used_minor) - earned(grant, grant.used_minor)
    amount_minor = grant.paid_minor - grant.earned_minor - running_minor
    if known is not None:
        return replace(known, amount_minor=known.recognized_minor + amount_minor)
    on = grant.starts_on if grant.expires_on is None else grant.expires_on + ONE_DAY
    return Schedule(
        id=_left_id(grant),
        line_id=grant.credit_id,
        basis="position",
        method="daily",
        starts_on=on,
        ends_on=on + ONE_DAY,
        amount_minor=amount_minor,
        recognized_minor=0,
        recognized_through=on,
        invoice_line_id=grant.schedule_line_id,
    )


def _keep(matter: Matter, grant: Grant, schedule: Schedule) -> None:
    books = matter.books
    known = books.schedules.get(schedule.id)
    if not schedule.amount_minor and known is None:
        return
    grant.earned_minor += schedule.recognized_minor - (known.recognized_minor if known else 0)
    books.keep(schedule)
    books.touched.add(("grants", grant.id))
    if is_done(schedule):
        del books.running[schedule.id]


def _left_id(grant: Grant) -> str:
    return derived("sch", grant.id, "left")
