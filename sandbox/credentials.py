"""The secrets of one embedded stack, made once."""

import secrets
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from api.credentials import mint
from sandbox.state import write_whole

FILE: Final = "secrets.json"


class Credentials(BaseModel):
    """Random values that no other stack shares."""

    api_key_pepper: str
    admin_api_key: str
    stripe_api_key: str
    stripe_webhook_secret: str


def load_or_make(home: Path, *, keep: bool) -> Credentials:
    """The secrets of the stack in `home`; new ones where it has none.

    With `keep` new ones are stored, readable by their owner only.
    """
    file = home / FILE
    if file.exists():
        return Credentials.model_validate_json(file.read_text())
    made = Credentials(
        api_key_pepper=secrets.token_hex(32),
        admin_api_key=mint("test"),
        stripe_api_key=f"sk_test_{secrets.token_hex(24)}",
        stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
    )
    if keep:
        write_whole(file, made.model_dump_json(indent=2) + "\n", mode=0o600)
    return made
