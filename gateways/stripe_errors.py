"""What an exception of the Stripe SDK says about the call: executed, not executed, or unknown."""

from collections.abc import Iterator
from contextlib import contextmanager

import stripe
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import MaxRetryError, NewConnectionError

from gateways.payment import GatewayError, GatewayRefused, GatewayUnavailable, GatewayUnknown


@contextmanager
def translated(*, reads: bool) -> Iterator[None]:
    """Raises our outcome for any error of the SDK; a read without an answer is merely unavailable."""
    try:
        yield
    except stripe.StripeError as error:
        outcome = outcome_of(error)
        if reads and isinstance(outcome, GatewayUnknown):
            outcome = GatewayUnavailable(outcome.message, code=outcome.code, request_id=outcome.request_id)
        raise outcome from error


def outcome_of(error: stripe.StripeError) -> GatewayError:
    """The outcome class of a failed call; whatever is not understood counts as unknown."""
    message, code, request_id = error.user_message or str(error), code_of(error), error.request_id
    if isinstance(error, stripe.APIConnectionError):
        if _never_connected(error.__cause__):
            return GatewayUnavailable(message, code="no_connection")
        return GatewayUnknown(message, code="no_answer")
    status = error.http_status or 0
    if status == 429:
        wait = _retry_after_seconds(error)
        return GatewayUnavailable(message, code=code, request_id=request_id, retry_after_seconds=wait)
    if status == 409:
        return GatewayUnavailable(message, code=code, request_id=request_id)
    if 400 <= status < 500 or isinstance(error, stripe.AuthenticationError):
        param = getattr(error.error, "param", None)
        return GatewayRefused(message, code=code, request_id=request_id, param=param)
    return GatewayUnknown(message, code=code, request_id=request_id)


def code_of(error: stripe.StripeError) -> str | None:
    """Stripe's word for what went wrong: the issuer's reason if there is one, else the code, else the type."""
    for field in ("decline_code", "code", "type"):
        word = getattr(error.error, field, None)
        if isinstance(word, str):
            return word
    return None


def _never_connected(cause: BaseException | None) -> bool:
    """Whether the request cannot have reached the gateway because there was no connection to send it on."""
    if isinstance(cause, ConnectTimeout):
        return True
    if not isinstance(cause, RequestsConnectionError) or not cause.args:
        return False
    reason = cause.args[0]
    return isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError)


def _retry_after_seconds(error: stripe.StripeError) -> float | None:
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
