"""Ids derived from what they stand for, so that doing a step again names the same thing."""

import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:perennial")


def derived(prefix: str, *parts: object) -> str:
    """An opaque id that depends on `parts` alone: the same parts give the same id in every process."""
    name = "\x1f".join(str(part) for part in parts)
    return f"{prefix}_{uuid.uuid5(_NAMESPACE, f'{prefix}:{name}').hex}"


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


def clock_workflow_id(clock_id: str) -> str:
    return f"clock/{clock_id}"
