"""The only place that decides how a failed step is tried again.

A step that meets an outage is retried soon and for ever. One that meets a contradiction, which only a person or a
new release can resolve, stays visible and is retried slowly. Nothing here fails a workflow.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from domain.errors import DomainError
from gateways.payment import GatewayError, GatewayRefused, GatewayUnavailable, GatewayUnknown
from models.journal import EntryMismatch
from models.rated_line import ClaimMismatch

SLOWLY = timedelta(minutes=10)
# The gateway gave no answer at all, so the call may still be under way and its key is the only safe one.
NO_ANSWER = "no_answer"


class StepContradiction(Exception):
    """What is stored and what is asked for cannot both be right."""


class DocumentMismatch(StepContradiction):
    """The document was issued before, from another bill."""


class NotRated(StepContradiction):
    """Usage is to be billed that was never claimed."""


class UnknownInvoice(StepContradiction):
    """There is no such invoice."""


class GatewayContradiction(StepContradiction):
    """The gateway's payment is not the one that was asked for."""


@contextmanager
def visible() -> Iterator[None]:
    """Turns what went wrong into an error that says its kind and when to try again; unknown ones pass as they are."""
    try:
        yield
    except GatewayError as error:
        raise _gateway(error) from error
    except (StepContradiction, DomainError, EntryMismatch, ClaimMismatch) as error:
        raise ApplicationError(str(error), type=type(error).__name__, next_retry_delay=SLOWLY) from error


def _gateway(error: GatewayError) -> ApplicationError:
    match error:
        case GatewayUnknown():
            return ApplicationError(error.message, error.code, type="gateway_unknown")
        case GatewayUnavailable(retry_after_seconds=None):
            return ApplicationError(error.message, error.code, type="gateway_unavailable")
        case GatewayUnavailable(retry_after_seconds=float(wait)):
            delay = timedelta(seconds=wait)
            return ApplicationError(error.message, error.code, type="gateway_unavailable", next_retry_delay=delay)
        case GatewayRefused():
            details = (error.code, error.param)
            return ApplicationError(error.message, *details, type="gateway_refused", next_retry_delay=SLOWLY)
    return ApplicationError(error.message, error.code, type="gateway_error", next_retry_delay=SLOWLY)
