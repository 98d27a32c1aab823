"""Health: whether the process lives, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Literal

from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from temporalio.service import RPCError

from api.fields import Output
from api.parts import Parts, parts_of
from api.routing import api_router, public
from models.migrations import alembic_config

CHECK_SECONDS_MAX: Final = 5

Finding = Literal["ok", "unreachable", "behind", "not used"]


class Health(Output):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Output):
    """Whether the process can do its work, and which part keeps it from it."""

    status: Literal["ready", "not ready"]
    checks: dict[str, Finding]


router = api_router("", "Health")


@router.get("/healthz", operation_id="getHealth", summary="Whether the process lives", dependencies=[public()])
async def health() -> Health:
    """Touches neither database nor Temporal: a restart would not mend those."""
    return Health()


@router.get(
    "/readyz",
    operation_id="getReadiness",
    summary="Whether the process can do its work",
    responses={503: {"model": Readiness}},
    dependencies=[public()],
)
async def readiness(request: Request, response: Response) -> Readiness:
    """Checks the database, that its schema is the one of this release, and Temporal. 503 if any of them fails."""
    parts = parts_of(request)
    (database, migrations), temporal = await asyncio.gather(_database(parts), _temporal(parts))
    checks = {"database": database, "migrations": migrations, "temporal": temporal}
    ready = all(finding in ("ok", "not used") for finding in checks.values())
    response.status_code = 200 if ready else 503
    return Readiness(status="ready" if ready else "not ready", checks=checks)


async def _database(parts: Parts) -> tuple[Finding, Finding]:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            current = await run_in_threadpool(_in_transaction, parts, _schema_is_current)
    except (SQLAlchemyError, TimeoutError):
        return "unreachable", "unreachable"
    return "ok", "ok" if current else "behind"


def _in_transaction(parts: Parts, check: Callable[[Session], bool]) -> bool:
    # Not `Database.run`: a probe is asked again anyway.
    with parts.database.transaction() as session:
        return check(session)


def _schema_is_current(session: Session) -> bool:
    if session.execute(text("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return False
    applied = set(session.execute(text("SELECT version_num FROM alembic_version")).scalars())
    return applied == set(ScriptDirectory.from_config(alembic_config()).get_heads())


async def _temporal(parts: Parts) -> Finding:
    if parts.temporal is None:
        return "not used"
    probe: Awaitable[bool] = parts.temporal.service_client.check_health(timeout=timedelta(seconds=CHECK_SECONDS_MAX))
    try:
        return "ok" if await probe else "unreachable"
    except (RPCError, RuntimeError):
        return "unreachable"
