"""Errors in Stripe's shape: `{"error": {"type", "code", "message", "param", ...}}`."""

from typing import Any


class StripeError(Exception):
    """An answer other than 2xx.

    `saved` says whether the answer is kept under the idempotency key (not where validation failed before execution
    began), `commits` whether what was written before it was raised stands (a decline leaves a failed charge behind).
    """

    def __init__(
        self,
        status: int,
        type_: str,
        message: str,
        *,
        saved: bool = True,
        commits: bool = False,
        headers: tuple[tuple[str, str], ...] = (),
        **fields: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.commits = commits
        self.headers = headers
        self.error: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
        self.error |= {"message": message, "type": type_}
        if "code" in self.error:
            self.error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.error["code"].replace("_", "-")


def invalid(message: str, *, code: str | None = None, param: str | None = None, **fields: Any) -> StripeError:
    """A request that is well-formed but that the present state refuses."""
    return StripeError(400, "invalid_request_error", message, code=code, param=param, **fields)


def bad_parameter(message: str, *, param: str, code: str | None = None) -> StripeError:
    """A parameter that fails validation: execution has not begun, nothing is saved under the key."""
    return StripeError(400, "invalid_request_error", message, saved=False, code=code, param=param)


def missing_parameter(param: str) -> StripeError:
    return bad_parameter(f"Missing required param: {param}.", param=param, code="parameter_missing")


def no_such(kind: str, id_: str, *, param: str, status: int = 400) -> StripeError:
    return StripeError(
        status, "invalid_request_error", f"No such {kind}: '{id_}'", code="resource_missing", param=param
    )


def unauthorized(message: str) -> StripeError:
    return StripeError(401, "invalid_request_error", message, saved=False)


def rate_limited() -> StripeError:
    return StripeError(
        429,
        "invalid_request_error",
        "Request rate limit exceeded. Try again after a pause.",
        saved=False,
        headers=(("Retry-After", "1"), ("Stripe-Rate-Limited-Reason", "global-rate")),
        code="rate_limit",
    )


def server_error(status: int) -> StripeError:
    return StripeError(status, "api_error", "An unknown error occurred.")


def key_in_use(key: str) -> StripeError:
    return StripeError(
        409,
        "idempotency_error",
        f"There is currently another in-progress request using the idempotency key '{key}'.",
        saved=False,
        code="idempotency_key_in_use",
    )


def key_mismatch(key: str) -> StripeError:
    return StripeError(
        400,
        "idempotency_error",
        "Keys for idempotent requests can only be used with the endpoint and the parameters they were first used "
        f"with. Use another key than '{key}' for a different request.",
        saved=False,
    )
