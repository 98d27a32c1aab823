"""One authorised request: who calls, under which idempotency key, and what it leaves in the audit log."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import Depends
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from sqlmodel import Session
from starlette.requests import Request

from api.authentication import Actor
from api.parts import Parts
from domain import keys
from models.audit import AuditEntry, record

_bearer = HTTPBearer(scheme_name="ApiKey", bearerFormat="pr_test_... or pr_live_...", auto_error=False)


@dataclass(frozen=True, slots=True)
class Call:
    """What a route knows of its request besides its parameters and body.

    `once` stands for the idempotency key and the request made under it; it is random where the caller sent no key.
    """

    actor: Actor
    parts: Parts
    request_id: str
    route: str
    at: datetime
    once: str = field(default_factory=lambda: uuid4().hex)

    def new_id(self, prefix: str, *parts: object) -> str:
        """An id for what this request creates: the same again when the request is repeated under its key."""
        return keys.derived(prefix, self.once, *parts)

    def audit(self, session: Session, action: str, object_id: str) -> None:
        """Note a change in the transaction that makes it."""
        entry = AuditEntry(
            at=self.at,
            actor=self.actor.key_id,
            request_id=self.request_id,
            route=self.route,
            action=action,
            object_id=object_id,
        )
        record(session, entry)


def current_call(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None) -> Call:
    """The call of an authorised request. The route has checked key and scope before it read the body."""
    call: Call = request.state.call
    return call


CurrentCall = Annotated[Call, Depends(current_call)]
