"""What the outside wants of a contract. Time, the parties, payments and operators all speak to it with these."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from domain.line import Frozen, Line, Meter, Slug, refuse
from domain.offers import Day, PlanVersion, UsageLimit
from domain.prices import Exact, NonNegative, Price

Effective = Literal["now", "next_period", "renewal"] | Day
Invoicing = Literal["now", "next"]


class Wake(Frozen):
    """Time has come: do what is due at this instant. `payable`: the customer has a payment method to charge."""

    kind: Literal["wake"] = "wake"
    payable: bool = True


class ChangeLine(Frozen):
    """Another quantity or price for a line.

    `effective: now`, or a day that has gone by, prorates; the lines go on an invoice of their own (`invoice: now`)
    or on the next regular one (`next`). A day to come waits until then. `next_period` takes effect at the line's
    next boundary, `renewal` when the term renews.
    """

    kind: Literal["change_line"] = "change_line"
    line: Slug
    quantity: NonNegative | None = None
    price: Price | None = None
    effective: Effective = "now"
    invoice: Invoicing = "now"


class AddLine(Frozen):
    """One more line. Its periods are the contract's, so that it ends with them; its first is part of one."""

    kind: Literal["add_line"] = "add_line"
    line: Line
    effective: Effective = "now"
    invoice: Invoicing = "now"


class RemoveLine(Frozen):
    """A line that ends. Its unused days are credited, its used days billed."""

    kind: Literal["remove_line"] = "remove_line"
    line: Slug
    effective: Effective = "now"
    invoice: Invoicing = "now"


LineChange = Annotated[ChangeLine | AddLine | RemoveLine, Field(discriminator="kind")]


def line_of(change: LineChange) -> str:
    """The id of the line that a change concerns."""
    return change.line.id if isinstance(change, AddLine) else change.line


class Revise(Frozen):
    """Several changes of lines at one instant on one document: a swap of plans. `effective` counts for all of them.

    With `next_period` each waits for the next period of its own line, so that none is prorated. `plan` says from which
    version the lines are once all of them have changed. `meters` are those that new lines read; one that the contract
    knows counts like this from then on.
    """

    kind: Literal["revise"] = "revise"
    changes: tuple[LineChange, ...] = Field(default=(), max_length=200)
    plan: PlanVersion | None = None
    meters: tuple[Meter, ...] = Field(default=(), max_length=100)
    effective: Effective = "now"
    invoice: Invoicing = "now"

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        nothing = not self.changes and self.plan is None and not self.meters
        refuse(nothing, "changes: give at least one, a plan or meters")
        return self


class Pause(Frozen):
    """Nothing is served or billed from now on.

    Unused days are credited, or (`unused: extend`) served after the contract goes on, which moves its boundaries and
    its end. With `resume_on` it goes on by itself on that day.
    """

    kind: Literal["pause"] = "pause"
    unused: Literal["credit", "extend"] = "credit"
    resume_on: Day | None = None


class Resume(Frozen):
    """A paused contract goes on."""

    kind: Literal["resume"] = "resume"


class Cancel(Frozen):
    """End the contract: now, when the periods that run are over, when the term is over, or on a day.

    `credit` says what becomes of what was billed in advance: the unused days are credited, all of the running
    period, or nothing.
    """

    kind: Literal["cancel"] = "cancel"
    when: Literal["now", "period_end", "term_end", "date"] = "period_end"
    on: Day | None = None
    credit: Literal["unused", "none", "all"] = "unused"

    @model_validator(mode="after")
    def _has_its_day(self) -> Self:
        refuse((self.when == "date") != (self.on is not None), "on: give a day with when: date, and only then")
        return self


class WithdrawCancellation(Frozen):
    """A cancellation that has not taken effect is taken back."""

    kind: Literal["withdraw_cancellation"] = "withdraw_cancellation"


class Reactivate(Frozen):
    """A cancelled contract is taken up again within its grace time; the days between are not billed."""

    kind: Literal["reactivate"] = "reactivate"


class ExtendTrial(Frozen):
    """The trial lasts until `until`, on which billing starts."""

    kind: Literal["extend_trial"] = "extend_trial"
    until: Day


class EndTrial(Frozen):
    """The trial ends today, and billing starts."""

    kind: Literal["end_trial"] = "end_trial"


class SetRenewal(Frozen):
    """Whether the term renews when it ends."""

    kind: Literal["set_renewal"] = "set_renewal"
    renew: Literal["none", "auto"]


class MoveAnchor(Frozen):
    """Periods start on another day of the month: the next is a part of one, up to that day."""

    kind: Literal["move_anchor"] = "move_anchor"
    anchor_day: Annotated[int, Field(ge=1, le=31)]


class SkipPeriod(Frozen):
    """The next period that a line would bill is free; all lines if none is named."""

    kind: Literal["skip_period"] = "skip_period"
    line: Slug | None = None


class SetUsageLimits(Frozen):
    """Other limits of usage, in place of all that were agreed."""

    kind: Literal["set_usage_limits"] = "set_usage_limits"
    limits: tuple[UsageLimit, ...] = Field(max_length=20)


class Hold(Frozen):
    """Invoices are issued and kept back: none is charged until they are released."""

    kind: Literal["hold"] = "hold"
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class Release(Frozen):
    """Invoices are charged again, also those that were kept back."""

    kind: Literal["release"] = "release"


class Deliver(Frozen):
    """So much of a line is delivered by now, in percent of the whole."""

    kind: Literal["deliver"] = "deliver"
    line: Slug
    percent: Annotated[Exact, Field(ge=0, le=100)]


class Recognise(Frozen):
    """Recognise revenue up to (and without) a day, for a report or a close."""

    kind: Literal["recognise"] = "recognise"
    through: date


class InvoiceUnpaid(Frozen):
    """An invoice is due and was not settled."""

    kind: Literal["invoice_unpaid"] = "invoice_unpaid"
    invoice_id: str


class PaymentMethodAdded(Frozen):
    """The customer has a payment method that can be charged."""

    kind: Literal["payment_method_added"] = "payment_method_added"


class BillUsage(Frozen):
    """Usage has reached a limit in the period that began on `starts_on`: bill now what was used so far."""

    kind: Literal["bill_usage"] = "bill_usage"
    limit: Slug
    starts_on: date


class InvoiceSettled(Frozen):
    """An invoice is settled."""

    kind: Literal["invoice_settled"] = "invoice_settled"
    invoice_id: str


ChangeType = (
    ChangeLine
    | AddLine
    | RemoveLine
    | Revise
    | Pause
    | Resume
    | Cancel
    | WithdrawCancellation
    | Reactivate
    | ExtendTrial
    | EndTrial
    | SetRenewal
    | MoveAnchor
    | SkipPeriod
    | SetUsageLimits
    | Hold
    | Release
    | Deliver
)
# What the parties and operators may ask of a contract.
Change = Annotated[ChangeType, Field(discriminator="kind")]
Command = Wake | ChangeType | Recognise | InvoiceUnpaid | InvoiceSettled | PaymentMethodAdded | BillUsage
