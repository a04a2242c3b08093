from __future__ import annotations

import hmac
from hashlib import sha256


def signature(body: bytes, *, at: int, secret: str) -> str:
    """Return the value of `X-Aegra-Signature` for a body that is sent at a time (Unix seconds).

    The time is signed too, so that what was overheard cannot be sent again later.
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256)
    return f"t={at},v1={signed.hexdigest()}"
