"""The form of an API key: `pr_test_` or `pr_live_`, 32 random bytes in base 62, a checksum.

The checksum lets secret scanners and this service tell a key from noise without asking the database.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from typing import Final, Literal

Mode = Literal["test", "live"]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_BYTES: Final = 32
_RANDOM_LENGTH: Final = 43  # 62**43 > 2**256
_CHECKSUM_LENGTH: Final = 6  # 62**6 > 2**32
_FORM: Final = re.compile(r"pr_(test|live)_([0-9A-Za-z]{43})([0-9A-Za-z]{6})")


def mint(mode: Mode) -> str:
    """A new key in clear. It is shown to its owner once and stored only as a hash."""
    random = _base62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES), "big"), _RANDOM_LENGTH)
    body = f"pr_{mode}_{random}"
    return body + _checksum(body)


def mode_of(key: str) -> Mode | None:
    """Whether the key is for test or live use; None where it is no key of this service at all."""
    match = _FORM.fullmatch(key)
    if match is None or not hmac.compare_digest(match[3], _checksum(key[:-_CHECKSUM_LENGTH])):
        return None
    return "live" if match[1] == "live" else "test"


def digest(key: str, pepper: bytes) -> str:
    """What is stored of a key: its HMAC-SHA-256 under a secret that the database does not hold, in hexadecimal."""
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


def hint(key: str) -> str:
    """Enough of a key for its owner to recognise it, far too little to guess it."""
    return f"{key[:8]}...{key[-4:]}"


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, remainder = divmod(number, 62)
        digits.append(_ALPHABET[remainder])
    return "".join(reversed(digits))
