"""Which API to ask, and with which key."""

from sandbox.credentials import FILE
from sandbox.stack import Stack
from settings import load_client_settings, load_stack_settings
from usage_files.asked import Refused


def address_and_key(url: str | None, key: str | None) -> tuple[str, str]:
    """The address and the key that were given, or those of the environment, or those of the stack on this machine.

    Raises:
        Refused: there is no key, or no address.
        SettingsError: the environment holds one that cannot be.
    """
    settings = load_client_settings()
    url = url or (str(settings.url) if settings.url else None)
    key = key or (settings.api_key.get_secret_value() if settings.api_key else None)
    if url is None:
        stack = load_stack_settings()
        if not (stack.home / FILE).exists():
            raise Refused("PERENNIAL_URL is missing: the address of the API. It may also be given with --url")
        plan = Stack(stack).plan()
        # Only the stack itself is told its key.
        return plan.address("api"), key or plan.credentials.admin_api_key
    if key is None:
        raise Refused("PERENNIAL_API_KEY is missing: a key with the scope usage:write or usage:read")
    return url, key
