"""How this process calls itself for a webhook that is a path alone."""

from __future__ import annotations

import httpx

# The path is a client's choice: whoever answers it must take it for a stranger's request.
BASE = httpx.URL("http://localhost")

_transport: httpx.AsyncBaseTransport | None = None


def answer_by(transport: httpx.AsyncBaseTransport) -> None:
    """Have paths answered by what leads to this process's own application."""
    global _transport  # noqa: PLW0603 -- the one application of the process
    _transport = transport


def own_server() -> httpx.AsyncBaseTransport:
    if _transport is None:
        raise RuntimeError("No server answers in this process.")
    return _transport
