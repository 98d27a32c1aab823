"""What an API key may do. Deny by default: a route without a scope does not start."""

from collections.abc import Iterable
from typing import Final, Literal, get_args

Scope = Literal[
    "contracts:read",
    "contracts:write",
    "customers:read",
    "customers:write",
    "quotes:read",
    "quotes:write",
    "quotes:approve",
    "catalogue:read",
    "catalogue:write",
    "usage:read",
    "usage:write",
    "invoices:read",
    "invoices:write",
    "payments:read",
    "payments:write",
    "ledger:read",
    "clocks:read",
    "clocks:write",
    "webhooks:read",
    "keys:read",
    "keys:write",
    "admin",
]

ADMIN: Final[Scope] = "admin"
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


def grants(held: Iterable[str], wanted: Scope) -> bool:
    """Whether a key that holds `held` may do what needs `wanted`; `admin` may do everything."""
    held = frozenset(held)
    return wanted in held or ADMIN in held


def beyond(held: Iterable[str], wanted: Iterable[Scope]) -> list[Scope]:
    """The scopes of `wanted` that a key holding `held` cannot pass on."""
    held = frozenset(held)
    return sorted(scope for scope in set(wanted) if not grants(held, scope))
