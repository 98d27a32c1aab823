"""Spreading work that falls due at one instant, so that midnight on the first is not one storm."""

import hashlib


def offset_seconds(contract_id: str, window_seconds: int) -> int:
    """A stable delay in [0, window) for the contract. Dates and cut-offs stay exact; only the wake-up moves."""
    if window_seconds <= 0:
        return 0
    return int.from_bytes(hashlib.sha256(contract_id.encode()).digest()[:8]) % window_seconds
