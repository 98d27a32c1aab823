"""Bodies that were packed with gzip, unpacked as they come."""

import zlib
from collections.abc import Iterator
from typing import Final

from api.problems import Problem, malformed

GZIP: Final = "gzip"
PART_BYTES_MAX: Final = 64 * 1024
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS


class Unpacker:
    """Unpacks one gzip member in small parts, so that whoever counts them can stop before a bomb takes up memory."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=_GZIP_BITS)

    def feed(self, packed: bytes) -> Iterator[bytes]:
        """Yields what a further piece of the packed body holds, in parts of at most `PART_BYTES_MAX`.

        Raises:
            Problem: it is not gzip, or goes on after its end.
        """
        while packed:
            if self._inflate.eof:
                raise malformed("The body goes on after the end of its gzip member. Send one member.")
            try:
                yield self._inflate.decompress(packed, PART_BYTES_MAX)
            except zlib.error:
                raise malformed("The body is not gzip, or was damaged on the way.") from None
            packed = self._inflate.unconsumed_tail or self._inflate.unused_data

    def finish(self) -> None:
        """Check that the body is whole.

        Raises:
            Problem: it ended too early.
        """
        if not self._inflate.eof:
            raise malformed("The gzip body ends too early. Send it again.")


def unpacker(encodings: list[str], *, takes_gzip: bool) -> Unpacker | None:
    """What unpacks a body whose `Content-Encoding` headers are these; None where there is nothing to unpack.

    Raises:
        Problem: it is an encoding that is not taken here.
    """
    match ",".join(encodings).strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" if takes_gzip:
            return Unpacker()
        case _:
            taken = GZIP if takes_gzip else "identity"
            detail = f"Send the body as it is{' or packed with gzip' if takes_gzip else ', without Content-Encoding'}."
            # Nothing of the body was read, so the connection cannot carry another request.
            headers = {"Accept-Encoding": taken, "Connection": "close"}
            raise Problem(415, "unsupported-encoding", detail, headers=headers)
