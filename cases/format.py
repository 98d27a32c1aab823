"""The format of case files: what each kind of case may say."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cases.expected import Accounted, Allocation, Amount, Boundaries, Expected, Months
from cases.values import At, Currency, Instant, Month, Number, Properties, Zone
from domain.interval import Every
from domain.line import Frozen, Line, Meter, Slug, refuse
from domain.modification import Modification, Promise, Treatment
from domain.offers import Day
from domain.prices import Exact, NonNegative, Positive, Price
from domain.schedule import StatedMethod
from domain.ssp import Discount, Obligation, Variable
from domain.tax import TaxRate
from domain.terms import Terms


class Case(Frozen):
    """What every case says."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9_]+)*$")]
    source: str = ""
    currency: Currency = "USD"


class PricedEvent(Properties):
    value: Exact


class PriceCase(Case):
    """One charge for one quantity."""

    kind: Literal["price"]
    price: Price
    quantity: Exact | None = None
    events: tuple[Exact | PricedEvent, ...] | None = None
    expect: Amount

    @model_validator(mode="after")
    def _has_usage(self) -> Self:
        if (self.quantity is None) == (self.events is None):
            raise ValueError("give either a quantity or events")
        return self


class PeriodsCase(Case):
    """The boundaries of billing."""

    kind: Literal["periods"]
    start: Day
    every: Every
    anchor_day: Annotated[int, Field(ge=1, le=31)] | None = None
    anchor_month: Annotated[int, Field(ge=1, le=12)] | None = None
    count: Annotated[int, Field(ge=1, le=10_000)]
    timezone: Zone = "UTC"
    expect: Boundaries


class AllocateCase(Case):
    """A transaction price over performance obligations."""

    kind: Literal["allocate"]
    price: Exact
    obligations: tuple[Obligation, ...]
    discounts: tuple[Discount, ...] = ()
    variable: tuple[Variable, ...] = ()
    expect: Allocation


class ScheduleCase(Case):
    """One obligation over time."""

    kind: Literal["schedule"]
    amount: Exact
    from_: Day = Field(alias="from")
    to: Day
    method: StatedMethod
    timezone: Zone = "UTC"
    expect: Months


class ModifyCase(Case):
    """A contract modification."""

    kind: Literal["modify"]
    before: tuple[Promise, ...]
    change: Modification
    treatment: Literal[Treatment, "auto"] = "auto"
    expect: Accounted


# The steps of a scenario.


class Change(Frozen):
    line: Slug
    quantity: NonNegative | None = None
    price: Price | None = None
    effective: Day | None = None
    invoice: Literal["now", "next", "at_renewal"] = "now"


class AddLine(Frozen):
    line: Line
    effective: Day | None = None
    invoice: Literal["now", "next", "at_renewal"] = "now"


class RemoveLine(Frozen):
    line: Slug
    effective: Day | None = None
    invoice: Literal["now", "next", "at_renewal"] = "now"


class ChangeMeter(Frozen):
    meter: Meter
    effective: Day | None = None
    invoice: Literal["now", "next", "at_renewal"] = "now"


class UsageEvent(Properties):
    id: Annotated[str, Field(min_length=1)]
    at: Instant
    value: Exact | None = None


class SendUsage(Frozen):
    meter: Slug
    events: tuple[UsageEvent, ...]


class Gateway(Frozen):
    declines: str | None = None
    accepts: Literal["all"] | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.declines is None) == (self.accepts is None):
            raise ValueError("give either `declines: CODE` or `accepts: all`")
        return self


class Pause(Frozen):
    unused: Literal["credit", "extend"] = "credit"
    resume_on: Day | None = None


class Nothing(Frozen):
    pass


class Cancel(Frozen):
    when: Literal["now", "period_end", "term_end", "date"] = "period_end"
    on: Day | None = None
    credit: Literal["unused", "none", "all"] = "unused"


class OfInvoice(Frozen):
    invoice: Number


class MoneyOfInvoice(OfInvoice):
    amount: Positive


class CreditNote(MoneyOfInvoice):
    line: Slug | None = None


class Deliver(Frozen):
    line: Slug
    percent: Annotated[Exact, Field(ge=0, le=100)]


class Close(Frozen):
    period: Month


class ExtendTrial(Frozen):
    until: Day


Action = (
    Change
    | AddLine
    | RemoveLine
    | ChangeMeter
    | SendUsage
    | Gateway
    | Pause
    | Cancel
    | Deliver
    | Close
    | ExtendTrial
    | CreditNote
    | MoneyOfInvoice
    | OfInvoice
    | Nothing
)
ACTIONS: dict[str, type[Frozen]] = {
    "change": Change,
    "add_line": AddLine,
    "remove_line": RemoveLine,
    "change_meter": ChangeMeter,
    "usage": SendUsage,
    "gateway": Gateway,
    "new_payment_method": Nothing,
    "pause": Pause,
    "resume": Nothing,
    "cancel": Cancel,
    "withdraw_cancellation": Nothing,
    "reactivate": Nothing,
    "extend_trial": ExtendTrial,
    "end_trial": Nothing,
    "pay": MoneyOfInvoice,
    "refund": MoneyOfInvoice,
    "credit_note": CreditNote,
    "void": OfInvoice,
    "write_off": OfInvoice,
    "dispute": OfInvoice,
    "dispute_won": OfInvoice,
    "dispute_lost": OfInvoice,
    "deliver": Deliver,
    "close": Close,
}


class Step(Frozen):
    """One thing that happens, at the first instant of a date or at an instant."""

    at: At
    action: str
    body: Frozen


class Customer(Frozen):
    tax: tuple[TaxRate, ...] = ()
    pays: Literal["automatically", "on_invoice"] = "automatically"


class Scenario(Case):
    """A contract's whole story."""

    kind: Literal["scenario"] = "scenario"
    timezone: Zone = "UTC"
    start: Day
    end: Day
    customer: Customer = Customer()
    meters: tuple[Meter, ...] = ()
    contract: Terms
    steps: tuple[Step, ...] = ()
    expect: Expected = Expected()

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        refuse(self.end < self.start, f"end: {self.end} is before the start on {self.start}")
        return self


AnyCase = PriceCase | PeriodsCase | AllocateCase | ScheduleCase | ModifyCase | Scenario
KINDS: dict[str, type[Case]] = {
    "price": PriceCase,
    "periods": PeriodsCase,
    "allocate": AllocateCase,
    "schedule": ScheduleCase,
    "modify": ModifyCase,
    "scenario": Scenario,
}
