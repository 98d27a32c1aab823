"""The thin layer over Temporal: what the API asks of workflows, and what it makes of their answers."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.problems import Problem, conflict, invalid, unavailable
from api.wakeups import WakeupFailed
from domain import keys
from domain.life import ClockLife, ContractLife, Corrected, CorrectInvoice, MigrationLife
from models.contract import awaiting_payment_method
from models.database import Database
from models.invoice import to_collect_anew
from workflows import starting
from workflows.collection import Collection
from workflows.contract import Contract
from workflows.correction import Correction

CALL_TIME: Final = timedelta(seconds=5)
ENDED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"

Result = TypeVar("Result")


class Unreachable(Exception):
    """Temporal did not answer, or no worker took the request in time. Asking again under the same id is safe."""


class NoSuchWorkflow(Exception):
    """The workflow has ended, or never ran."""


class Refused(Exception):
    """The workflow refused a change; `field` is a JSON pointer into it, empty where its state is the reason."""

    def __init__(self, kind: str, message: str, field: str) -> None:
        super().__init__(message)
        self.kind, self.message, self.field = kind, message, field

    def as_problem(self, prefix: str) -> Problem:
        """The problem of a request whose body holds the change at the JSON pointer `prefix`."""
        if self.kind == "StaleVersion":
            return conflict("stale-version", self.message, self.field)
        if not self.field:
            return conflict("refused-change", self.message)
        return invalid(self.message, prefix + self.field, code="refused-change")


@dataclass(frozen=True, slots=True)
class Reply(Generic[Result]):
    """What became of an update that a workflow has accepted: no `result` while it is still at it."""

    run_id: str
    result: Result | None


def connected(client: Client | None) -> Client:
    """The client of a process that has one.

    Raises:
        Unreachable: it runs without Temporal.
    """
    if client is None:
        raise Unreachable
    return client


async def start_contract(client: Client, life: ContractLife) -> None:
    """See to it that the contract's workflow was started.

    Raises:
        Unreachable: nobody knows.
    """
    try:
        await starting.start_contract(client, life, within=CALL_TIME)
    except WorkflowAlreadyStartedError:
        return
    except (RPCError, RuntimeError) as error:
        raise Unreachable from error


async def start_migration(client: Client, life: MigrationLife) -> None:
    """See to it that the migration's workflow was started.

    Raises:
        Unreachable: nobody knows.
    """
    try:
        await starting.start_migration(client, life, within=CALL_TIME)
    except WorkflowAlreadyStartedError:
        return
    except (RPCError, RuntimeError) as error:
        raise Unreachable from error


async def start_clock(client: Client, life: ClockLife) -> None:
    """See to it that the test clock's workflow runs.

    Raises:
        Unreachable: nobody knows.
    """
    try:
        await starting.start_clock(client, life, within=CALL_TIME)
    except (RPCError, RuntimeError) as error:
        raise Unreachable from error


async def ask(
    client: Client, workflow_id: str, update: str, request: object, *, key: str, kind: type[Result], seconds: int
) -> Reply[Result]:
    """The reply to an update with the id `key`, within `seconds`.

    Raises:
        Refused: the workflow does not do it.
        NoSuchWorkflow: there is nobody to ask.
        Unreachable: it was not accepted in time.
    """
    handle = client.get_workflow_handle(workflow_id)
    accepted: WorkflowUpdateHandle[Result] | None = None
    try:
        async with asyncio.timeout(seconds):
            accepted = await handle.start_update(
                update, request, id=key, wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=kind
            )
            return Reply(accepted.workflow_run_id or "", await accepted.result())
    except WorkflowUpdateFailedError as error:
        raise _refusal(error) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, RuntimeError) as error:
        if accepted is not None:
            return Reply(accepted.workflow_run_id or "", None)
        if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
            raise NoSuchWorkflow from error
        raise Unreachable from error


async def reply_to(
    client: Client, workflow_id: str, run_id: str | None, *, key: str, kind: type[Result], seconds: int
) -> Reply[Result]:
    """The reply to an update that the run, or else the latest one, has accepted before.

    Raises:
        Refused: the workflow did not do it.
        NoSuchWorkflow: the run knows no such update.
        Unreachable: Temporal does not answer.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    update: WorkflowUpdateHandle[Result] = handle.get_update_handle(key, result_type=kind)
    try:
        async with asyncio.timeout(seconds):
            return Reply(run_id or "", await update.result())
    except WorkflowUpdateFailedError as error:
        raise _refusal(error) from error
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return Reply(run_id or "", None)
    except RPCError as error:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT):
            raise NoSuchWorkflow from error
        raise Unreachable from error
    except RuntimeError as error:
        raise Unreachable from error


def _refusal(failed: WorkflowUpdateFailedError) -> Exception:
    cause = failed.cause
    if not isinstance(cause, ApplicationError):
        return failed
    if cause.type == ENDED_MEANWHILE:
        return NoSuchWorkflow()
    field = str(cause.details[0]) if cause.details else ""
    return Refused(cause.type or "", cause.message, field)


async def run_correction(client: Client, request: CorrectInvoice, *, seconds: int) -> Corrected | None:
    """What became of a correction, started where it was not yet; None where it is not done within `seconds`.

    Raises:
        Unreachable: nobody knows whether it was started.
    """
    workflow_id = keys.correction_workflow_id(request.correction_id)
    try:
        handle = await starting.start_correction(client, request, within=CALL_TIME)
    except WorkflowAlreadyStartedError:
        handle = client.get_workflow_handle_for(Correction.run, workflow_id)
    except (RPCError, RuntimeError) as error:
        raise Unreachable from error
    try:
        async with asyncio.timeout(seconds):
            return await handle.result()
    except (TimeoutError, RPCError, RuntimeError):
        return None


@contextmanager
def as_problems(prefix: str, *, gone: Problem) -> Iterator[None]:
    """Turn what a workflow does not do into problems; its refusals point below `prefix` of the request's body."""
    try:
        yield
    except Refused as refused:
        raise refused.as_problem(prefix) from refused
    except NoSuchWorkflow:
        raise gone from None
    except Unreachable as error:
        raise unavailable("Temporal, or a worker for this request,") from error


class TemporalWakeups:
    """Wakes the collections of invoices that wait to be paid, and the contracts that wait to start."""

    def __init__(self, database: Database, client: Client) -> None:
        self._database, self._client = database, client

    async def payment_method_changed(self, customer_id: str) -> None:
        invoices, contracts = await run_in_threadpool(
            self._database.run, lambda session: _waiting(session, customer_id)
        )
        await asyncio.gather(
            *(
                self._wake(keys.collection_workflow_id(invoice_id), Collection.payment_method_changed.__name__, ())
                for invoice_id in invoices
            ),
            *(
                self._wake(keys.contract_workflow_id(contract_id), Contract.payment_method_added.__name__, (clock_at,))
                for contract_id, clock_at in contracts
            ),
        )

    async def _wake(self, workflow_id: str, signal: str, arguments: tuple[datetime | None, ...]) -> None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await handle.signal(signal, args=arguments, rpc_timeout=CALL_TIME)
        except RPCError as error:
            # Not running yet or no more: what is under way will find the new method itself.
            if error.status != RPCStatusCode.NOT_FOUND:
                raise WakeupFailed from error
        except RuntimeError as error:
            raise WakeupFailed from error


def _waiting(session: Session, customer_id: str) -> tuple[Sequence[str], Sequence[tuple[str, datetime | None]]]:
    """The invoices and the contracts of the customer that wait for a payment method, or may do so soon."""
    return to_collect_anew(session, customer_id), awaiting_payment_method(session, customer_id)
