"""Quotes and terms that the tests of quotes share."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from domain.quote import QuoteState, decide
from domain.quote_approval import ApprovalLimits
from domain.quote_commands import QuoteCommand, Send, Submit
from domain.terms import Terms

AUTHOR, BOSS = "key_author", "key_boss"
AT = datetime(2026, 1, 10, 12, tzinfo=UTC)
LIMITS = ApprovalLimits(
    discount_percent_max=Decimal(20), term_months_max=24, free_trial_days_max=30, payment_terms_days_max=45
)


def line(id_: str, amount: str = "100.00", **more: Any) -> dict[str, Any]:
    """A monthly line in advance unless `more` says otherwise."""
    price = {"model": "per_unit", "amount": amount}
    return {"id": id_, "price": price, "every": "month", "bill": "advance", **more}


def usage(id_: str, amount: str = "0.10", **more: Any) -> dict[str, Any]:
    return line(id_, amount, meter=id_, bill="arrears", **more)


def terms(*lines: dict[str, Any], **more: Any) -> Terms:
    """Terms for a year from February 2026; of one line at 100.00 a month where none is given."""
    lines = lines or (line("plan"),)
    meters = [{"id": one["meter"], "aggregate": "sum"} for one in lines if "meter" in one]
    values = {"currency": "USD", "start": "2026-02-01", "term": {"months": 12}, "meters": meters, "lines": lines}
    return Terms.model_validate({**values, **more})


def draft(agreed: Terms | None = None, valid_until: date = date(2026, 1, 31)) -> QuoteState:
    return QuoteState(
        quote_id="quo_1",
        customer_id="cus_1",
        terms=agreed or terms(),
        valid_until=valid_until,
        drafted_by=AUTHOR,
    )


def after(state: QuoteState, *commands: QuoteCommand, at: datetime = AT) -> QuoteState:
    """The state after the commands, one after the other."""
    for command in commands:
        state = decide(state, command, at).state
    return state


SUBMIT = Submit(by=AUTHOR, limits=LIMITS)
SEND = Send(by=AUTHOR, link_digest="digest-1")
