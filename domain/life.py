"""What a contract's and a collection's workflow carry from one run to the next, and say to those who ask."""

from dataclasses import dataclass, field
from datetime import date, datetime

from domain.commands import Change, Command
from domain.correcting import CorrectionType
from domain.state import ContractState, Status
from domain.terms import Dunning


@dataclass(frozen=True, slots=True)
class Amend:
    """A change asked for through the API. `at` is set where the contract hangs on a test clock."""

    change: Change
    expected_version: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecogniseThrough:
    """Revenue is wanted up to (and without) a day. `at` is set where the contract hangs on a test clock."""

    through: date
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Amended:
    """What became of a change: the new version and the document that it made, or why it was refused.

    `refused_as` names the error of `domain.errors` that the refusal is.
    """

    version: int
    status: Status
    happened: str
    invoice_id: str | None = None
    number: str | None = None
    refused: str | None = None
    refused_as: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """A command that waits for the next safe point. `key` is its caller's idempotency key, empty for news."""

    command: Command
    at: datetime
    key: str = ""
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice that is still to be collected."""

    invoice_id: str
    number: str
    open_minor: int
    due_on: date
    held: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the history."""

    at: datetime
    what: str
    version: int


@dataclass(frozen=True, slots=True)
class ContractLife:
    """All that passes from one run of a contract's workflow to the next."""

    state: ContractState
    clock_id: str | None = None
    clock_now: datetime | None = None
    sequence: int = 0
    open_invoices: tuple[OpenInvoice, ...] = ()
    queue: tuple[Queued, ...] = ()
    answers: tuple[tuple[str, Amended], ...] = ()
    history: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """How far something that hangs on a test clock has come. `done` once nothing is due by the clock's time."""

    next_due_at: datetime | None
    done: bool


@dataclass(frozen=True, slots=True)
class ContractView:
    """What a contract's workflow says of itself."""

    state: ContractState
    now: datetime
    next_due_at: datetime | None
    next_due_on: date | None
    waits_for: str
    open_invoices: tuple[OpenInvoice, ...]
    history: tuple[Happening, ...]


@dataclass(frozen=True, slots=True)
class CollectionLife:
    """One unsettled invoice. `attempt` is the number of the next attempt, `failures` how many were declined.

    `review_at` is when to ask the gateway for the outcome of an attempt that it is still processing. A customer who
    pays on invoice is never charged: the collection waits for the money.
    """

    invoice_id: str
    number: str
    contract_id: str
    customer_id: str
    currency: str
    open_minor: int
    due_at: datetime
    timezone: str
    dunning: Dunning
    attempt: int = 1
    failures: int = 0
    first_failed_at: datetime | None = None
    attempted_at: datetime | None = None
    review_at: datetime | None = None
    last_code: str = ""
    clock_id: str | None = None
    clock_now: datetime | None = None
    charges: bool = True


@dataclass(frozen=True, slots=True)
class CollectionView:
    """What a collection says of itself."""

    invoice_id: str
    stage: str
    attempts: int
    next_action_at: datetime | None
    last_code: str
    history: tuple[Happening, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class CorrectInvoice:
    """Do to an invoice what was asked for under the id `correction_id`, at the business instant `at`.

    `refunded_minor` of a refund has gone back at the gateway already: what has happened is booked in any case.
    """

    correction_id: str
    contract_id: str
    invoice_id: str
    correction: CorrectionType
    at: datetime
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of a correction: the document that it made, and the invoices whose open amount it changed.

    `settled` says that nothing is open on them any more. Where it made an invoice, `collect` is its collection.
    """

    invoice_ids: tuple[str, ...] = ()
    document_id: str | None = None
    number: str | None = None
    refused: str | None = None
    field: str = ""
    settled: bool = False
    collect: CollectionLife | None = None


@dataclass(frozen=True, slots=True)
class ClockLife:
    """A test clock and the instant that it shows."""

    clock_id: str
    now: datetime


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """How many contracts a migration has, and what has become of them so far."""

    total: int
    moved: int = 0
    unchanged: int = 0
    refused: int = 0
    cancelled: int = 0

    @property
    def remaining(self) -> int:
        """How many are still to come."""
        return self.total - self.moved - self.unchanged - self.refused - self.cancelled


@dataclass(frozen=True, slots=True)
class MigrationLife:
    """A migration to a version of a plan: all contracts up to the place `after` were asked in this round."""

    migration_id: str
    plan_id: str
    version: int
    progress: MigrationProgress
    after: int = 0
