"""The composition root of the API: parts in, ASGI application out. Nothing connects at import."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from temporalio.client import Client

import settings
from api import (
    adoptions,
    allowance,
    amendments,
    catalogue,
    contract_usage,
    contracts,
    corrections,
    coupons,
    customers,
    docs,
    health,
    invoices,
    journal,
    keys,
    migration_preview,
    migrations,
    passed_limits,
    payment_methods,
    payments,
    plan_versions,
    previews,
    public_quotes,
    quote_limits,
    quotes,
    recognition,
    simulations,
    test_clocks,
    unbilled_usage,
    usage,
    usage_reading,
    usage_voids,
    webhooks,
)
from api.admission import Admission
from api.authentication import KeyRing
from api.credentials import Mode
from api.idempotency import forget_old_answers
from api.keys import store_key
from api.logs import RequestLog
from api.parts import Parts
from api.problems import Problem, as_problem, problem_response, request_id_of
from api.routing import guarded_routes
from api.temporal import TemporalWakeups
from api.wakeups import NoWakeups, Wakeups
from domain.errors import DomainError
from gateways.payment import GatewayUnavailable, GatewayUnknown, PaymentGateway
from gateways.stripe import StripeGateway
from models.database import Database
from workflows.plugin import perennial_plugin

VERSION = "1"
ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    customers.router,
    payment_methods.router,
    catalogue.router,
    plan_versions.router,
    migration_preview.router,
    migrations.router,
    coupons.router,
    quotes.router,
    quote_limits.router,
    public_quotes.router,
    contracts.router,
    adoptions.router,
    amendments.router,
    recognition.router,
    previews.router,
    simulations.router,
    contract_usage.router,
    allowance.router,
    passed_limits.router,
    unbilled_usage.router,
    usage.router,
    usage_voids.router,
    usage_reading.router,
    invoices.router,
    corrections.router,
    payments.router,
    journal.router,
    test_clocks.router,
    webhooks.router,
    keys.router,
    docs.router,
)
PROBLEMS: tuple[type[Exception], ...] = (
    Problem,
    DomainError,
    RequestValidationError,
    HTTPException,
    DBAPIError,
    PoolTimeout,
    GatewayUnavailable,
    GatewayUnknown,
)


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    *,
    database: Database,
    gateway: PaymentGateway,
    webhook_secrets: Sequence[str],
    api_key_pepper: str,
    mode: Mode = "test",
    temporal: Client | None = None,
    wakeups: Wakeups | None = None,
    bootstrap_api_key: str | None = None,
    spread_seconds: int = 0,
    usage_batches_max: int = 8,
    routers: Sequence[APIRouter] = ROUTERS,
    clock: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The application made of these parts. It closes the database's pool when it stops.

    Raises:
        ValueError: a secret is empty, or the bootstrap key is none.
        TypeError: a route declares no scope.
    """
    if not webhook_secrets or not all(secret.strip() for secret in webhook_secrets):
        raise ValueError("a webhook secret is empty or missing: without it anybody could forge events")
    ring = KeyRing(database, pepper=api_key_pepper.encode(), mode=mode, clock=clock)
    parts = Parts(
        database=database,
        gateway=gateway,
        webhook_secrets=tuple(webhook_secrets),
        temporal=temporal,
        wakeups=wakeups or NoWakeups(),
        keys=ring,
        clock=clock,
        usage_batches=Admission(usage_batches_max),
        spread_seconds=spread_seconds,
    )
    app = FastAPI(
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=dict.fromkeys(PROBLEMS, _answer_problem),
        lifespan=lambda app: _running(app, bootstrap_api_key),
    )
    app.state.parts = parts
    for router in routers:
        app.include_router(router)
    guarded_routes(app)
    app.add_middleware(RequestLog)
    return app


async def create_app_from_settings(found: settings.Settings | None = None) -> FastAPI:
    """The application of this process, from its environment. Temporal and the database are reached when first needed.

    Raises:
        settings.SettingsError: the environment is not complete or not safe.
    """
    found = found or settings.load_settings()
    stripe_key = found.stripe_api_key.get_secret_value()
    temporal = await Client.connect(**settings.temporal_connection(), plugins=[perennial_plugin()], lazy=True)
    database = Database(
        found.database_url.get_secret_value(), pool_size=found.database_pool_size, role=found.database_role
    )
    bootstrap = found.bootstrap_api_key
    return create_app(
        database=database,
        gateway=StripeGateway(stripe_key, base_url=str(found.stripe_base_url) if found.stripe_base_url else None),
        webhook_secrets=[secret.get_secret_value() for secret in found.stripe_webhook_secrets],
        api_key_pepper=found.api_key_pepper.get_secret_value(),
        mode="live" if "_live_" in stripe_key[:9] else "test",
        temporal=temporal,
        wakeups=TemporalWakeups(database, temporal),
        bootstrap_api_key=bootstrap.get_secret_value() if bootstrap else None,
        spread_seconds=found.spread_seconds,
        usage_batches_max=found.usage_batches_max,
    )


@contextlib.asynccontextmanager
async def _running(app: FastAPI, bootstrap_api_key: str | None) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    if bootstrap_api_key is not None:
        await run_in_threadpool(_store_bootstrap_key, parts, bootstrap_api_key)
    stopping = asyncio.Event()
    pruning = asyncio.create_task(forget_old_answers(parts, stopping))
    yield
    stopping.set()
    await pruning
    await run_in_threadpool(parts.database.dispose)


def _store_bootstrap_key(parts: Parts, key: str) -> None:
    parts.database.run(lambda session: store_key(session, parts.keys, key, name="bootstrap", at=parts.clock()))


async def _answer_problem(request: Request, error: Exception) -> Response:
    problem = as_problem(error)
    if problem is None:
        raise error
    return problem_response(problem, request_id_of(request))
