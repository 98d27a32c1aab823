"""Optimistic concurrency: a change may say which version of the contract it was decided on."""

from domain.errors import StaleVersion
from domain.state import ContractState


def check_version(state: ContractState, expected_version: int | None) -> None:
    """Raise unless the contract is still at the version that the caller decided on.

    Raises:
        StaleVersion: if it has moved on.
    """
    if expected_version is not None and expected_version != state.version:
        message = f"the contract is at version {state.version}, not {expected_version}: read it again and decide anew"
        raise StaleVersion(message, "/expected_version")
