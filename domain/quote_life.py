"""What a quote's workflow is asked, answers, and carries from one run to the next."""

from dataclasses import dataclass
from datetime import datetime

from domain.life import Happening
from domain.quote import QuoteState, QuoteStatus
from domain.quote_commands import QuoteCommand


@dataclass(frozen=True, slots=True)
class AskQuote:
    """A command asked for through the API. `at` is set where the quote hangs on a test clock."""

    command: QuoteCommand
    expected_version: int | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QuoteAnswer:
    """What became of a command: the quote after it, or why it was refused, by the name of its error."""

    version: int
    status: QuoteStatus
    link_digest: str | None = None
    contract_id: str | None = None
    refused: str | None = None
    refused_as: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class QueuedAsk:
    """A command that waits for the next safe point. `key` is its caller's idempotency key, empty for time."""

    command: QuoteCommand
    at: datetime
    key: str = ""
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class QuoteLife:
    """All that passes from one run of a quote's workflow to the next."""

    state: QuoteState
    clock_id: str | None = None
    clock_now: datetime | None = None
    sequence: int = 0
    answers: tuple[tuple[str, QuoteAnswer], ...] = ()
    history: tuple[Happening, ...] = ()


@dataclass(frozen=True, slots=True)
class QuoteView:
    """What a quote's workflow says of itself."""

    state: QuoteState
    now: datetime
    waits_for: str
    history: tuple[Happening, ...]
