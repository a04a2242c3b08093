from __future__ import annotations

import os
import time
from uuid import UUID

from common.errors import Unprocessable


def uuid7() -> UUID:
    """Return a UUID whose order is the order of making (RFC 9562, version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (random >> 68) << 64
    value |= 0b10 << 62 | random & ((1 << 62) - 1)
    return UUID(int=value)


def parse_id(text: object, kind: str) -> UUID:
    """Return the UUID written in `text`; raises Unprocessable, naming the `kind` of thing."""
    if isinstance(text, UUID):
        return text
    try:
        if isinstance(text, str) and len(text) in (32, 36):
            return UUID(text)
    except ValueError:
        pass
    raise Unprocessable(f"Invalid {kind} ID: must be a UUID")
