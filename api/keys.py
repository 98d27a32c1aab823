"""API keys: handed out once, listed without the key, revoked for good."""

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import AwareDatetime, Field
from sqlmodel import Session

from api.authentication import KeyRing
from api.calls import Call, CurrentCall
from api.credentials import hint, mint, mode_of
from api.fields import Input, Name, Output
from api.pages import Cursor, Limit, Page, decode_cursor, page
from api.problems import Problem, invalid, not_found
from api.routing import api_router, needs
from api.scopes import ADMIN, Scope, beyond
from domain.keys import derived
from models import api_key as api_keys
from models.api_key import ApiKey

router = api_router("/v1/keys", "API keys")


class NewKey(Input):
    name: Name = Field(description="What the key is for.", examples=["usage collector"])
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=50)] = Field(examples=[["usage:write"]])
    expires_at: AwareDatetime | None = Field(default=None, description="When it stops working; null means never.")


class KeyOut(Output):
    id: str
    name: str
    hint: str = Field(description="How the key begins and ends.")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class NewKeyOut(KeyOut):
    key: str | None = Field(description="The key. It is shown in this answer only; a repeat of the request has null.")


@router.post(
    "",
    status_code=201,
    operation_id="createKey",
    summary="Create an API key",
    dependencies=[needs("keys:write", secret_field="key")],
)
def create_key(body: NewKey, call: CurrentCall, response: Response) -> NewKeyOut:
    """403 where the new key would have a scope that the calling key has not, or would outlive it."""
    _refuse_more_than_caller(call, body)
    secret = mint(call.parts.keys.mode)
    row, is_new = call.parts.database.run(lambda session: _create(session, call, body, secret))
    response.headers["Location"] = f"/v1/keys/{row.id}"
    return NewKeyOut(**_shown(row).model_dump(), key=secret if is_new else None)


def _refuse_more_than_caller(call: Call, body: NewKey) -> None:
    excess = beyond(call.actor.scopes, body.scopes)
    if excess:
        raise Problem(403, "forbidden", f"The calling key cannot pass on {', '.join(excess)}. Ask for fewer scopes.")
    ends_at = call.actor.expires_at
    if ends_at is not None and (body.expires_at is None or body.expires_at > ends_at):
        raise Problem(403, "forbidden", f"The calling key expires at {ends_at.isoformat()}; so must the new one.")
    if body.expires_at is not None and body.expires_at <= call.at:
        raise invalid("The key would have expired already. Give a later instant or leave it out.", "/expires_at")


def _create(session: Session, call: Call, body: NewKey, secret: str) -> tuple[ApiKey, bool]:
    row = ApiKey(
        id=call.new_id("key"),
        name=body.name,
        hint=hint(secret),
        digest=call.parts.keys.digest(secret),
        scopes=sorted(set(body.scopes)),
        created_by=call.actor.key_id,
        created_at=call.at,
        expires_at=body.expires_at,
    )
    if api_keys.insert_key(session, row):
        call.audit(session, "key.created", row.id)
        return row, True
    return session.get_one(ApiKey, row.id), False


def _shown(row: ApiKey) -> KeyOut:
    return KeyOut.model_validate(row, from_attributes=True)


@router.get("", operation_id="listKeys", summary="List API keys, newest first", dependencies=[needs("keys:read")])
def list_keys(call: CurrentCall, cursor: Cursor = None, limit: Limit = 50) -> Page[KeyOut]:
    after = decode_cursor(cursor)
    with call.parts.database.transaction() as session:
        rows = api_keys.list_keys(session, after=after, limit=limit + 1)
    return page(rows, limit, _shown)


@router.post(
    "/{key_id}/revoke",
    operation_id="revokeKey",
    summary="Revoke an API key",
    dependencies=[needs("keys:write")],
)
def revoke_key(key_id: str, call: CurrentCall) -> KeyOut:
    """The key stops working within a few seconds, everywhere and for good."""
    return _shown(call.parts.database.run(lambda session: _revoke(session, call, key_id)))


def _revoke(session: Session, call: Call, key_id: str) -> ApiKey:
    row = api_keys.revoke_key(session, key_id, call.at)
    if row is None:
        raise not_found("API key", key_id)
    if row.revoked_at == call.at:
        call.audit(session, "key.revoked", row.id)
    return row


def store_key(session: Session, ring: KeyRing, key: str, *, name: str, at: datetime) -> None:
    """Make a key of the operator's own choosing valid, with every scope, unless it was stored before.

    A key that was revoked stays revoked.

    Raises:
        ValueError: not a key as `mint` makes them, or for the other mode.
    """
    if mode_of(key) != ring.mode:
        raise ValueError(f"the bootstrap key must be an API key for {ring.mode} use, made by api.credentials.mint")
    hashed = ring.digest(key)
    row = ApiKey(id=derived("key", hashed), name=name, hint=hint(key), digest=hashed, scopes=[ADMIN], created_at=at)
    api_keys.insert_key(session, row)
