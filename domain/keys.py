"""Ids derived from what they stand for, so that doing a step again names the same thing."""

import hashlib
import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:perennial")
_NAMESPACE_BYTES = _NAMESPACE.bytes


def derived(prefix: str, *parts: object) -> str:
    """An opaque id that depends on `parts` alone: the same parts give the same id in every process."""
    name = "\x1f".join(str(part) for part in parts)
    return f"{prefix}_{_uuid5_hex(f'{prefix}:{name}')}"


def _uuid5_hex(name: str) -> str:
    """What `uuid.uuid5` gives, without the object: ids are made for every line of every document."""
    digest = hashlib.sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:12]}5{digest[13:16]}{variant}{digest[17:32]}"


def invoice_id(contract_id: str, document: int) -> str:
    """The id of a contract's document number `document` (invoices and credit notes count together, from 1)."""
    return derived("inv", contract_id, document)


def contract_workflow_id(contract_id: str) -> str:
    return f"contract/{contract_id}"


def collection_workflow_id(invoice_id: str) -> str:
    return f"collection/{invoice_id}"


def correction_workflow_id(correction_id: str) -> str:
    return f"correction/{correction_id}"


def quote_workflow_id(quote_id: str) -> str:
    return f"quote/{quote_id}"


def migration_workflow_id(migration_id: str) -> str:
    return f"migration/{migration_id}"


def clock_workflow_id(clock_id: str) -> str:
    return f"clock/{clock_id}"
