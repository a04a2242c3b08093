"""What protects the project's own routes as the API is protected: known hosts, known pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aegra_project.route_auth import refuse
from common.errors import ApiError, BadRequest, Forbidden
from common.in_process import is_marked
from common.middleware import (
    SAFE_METHODS,
    cors_headers,
    foreign_page,
    is_allowed_origin,
    is_known_host,
    preflight_headers,
)
from graphs.crossing import App, Receive, Scope, Send


async def call_guarded(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Call `app` unless the host or the page that sends the request is not known here.

    A page that may read the API may read the answer: the headers that say so are added where
    the application has not set its own.
    """
    headers = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    if is_marked(scope):
        await app(scope, receive, send)
        return
    if refusal := _refusal(scope, headers):
        await refuse(scope, send, refusal)
        return
    origin = headers.get("origin")
    if origin is None or not _is_known_page(origin, headers) or scope["type"] != "http":
        await app(scope, receive, send)
        return
    if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
        await _answer(send, {**preflight_headers(headers), **cors_headers(origin)})
        return

    async def opened(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": _with(message.get("headers", ()), origin)}
        await send(message)

    await app(scope, receive, opened)


def _refusal(scope: Scope, headers: Mapping[str, str]) -> ApiError | None:
    host, origin = headers.get("host", "localhost"), headers.get("origin")
    if not is_known_host(host):
        return BadRequest(f"Host {host!r} is not served here; add it to ALLOWED_HOSTS.")
    # A browser asks no leave for a websocket, and sends whatever it likes over one.
    is_safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
    if origin is None or is_safe or _is_known_page(origin, headers):
        return None
    return Forbidden(foreign_page(origin))


def _is_known_page(origin: str, headers: Mapping[str, str]) -> bool:
    own = origin.partition("://")[2] == headers.get("host")
    return own or is_allowed_origin(origin)


def _with(headers: Any, origin: str) -> list[tuple[bytes, bytes]]:
    found = [(bytes(name).lower(), bytes(value)) for name, value in headers]
    names = {name for name, _ in found}
    added = [(name.encode(), value.encode()) for name, value in cors_headers(origin).items()]
    return [*found, *(pair for pair in added if pair[0] not in names)]


async def _answer(send: Send, headers: Mapping[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": pairs})
    await send({"type": "http.response.body", "body": b""})
