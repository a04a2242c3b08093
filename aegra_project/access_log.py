"""One line for each request that a server answers, when its answer has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from common.http_config import http_config
from graphs.crossing import App, Receive, Scope, Send

logger = logging.getLogger(__name__)


async def call_logged(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Call `app`, and say what came of it; a stream is told of when it ends."""
    if not _is_on():
        await app(scope, receive, send)
        return
    began = time.perf_counter()
    start: dict[str, Any] = {}

    async def sent(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        await send(message)

    try:
        await app(scope, receive, sent)
    finally:
        _log(scope, start, (time.perf_counter() - began) * 1000)


def _is_on() -> bool:
    # A project that names headers for the log wants one.
    is_wanted = settings.ACCESS_LOG or http_config().logging_headers.includes
    return bool(is_wanted) and logger.isEnabledFor(logging.INFO)


def _log(scope: Scope, start: Mapping[str, Any], ms: float) -> None:
    given = dict(start.get("headers", ()))
    headers = _headers(scope)
    fields = {
        "method": scope["method"],
        # It has whatever characters a client puts there, line ends too.
        "path": ascii(scope["path"])[1:-1],
        "status": start.get("status", "left"),
        "ms": round(ms, 1),
        "request_id": given.get(b"x-request-id", b"-").decode("latin1"),
    }
    told = "".join(f" {name}={value}" for name, value in headers.items())
    logger.info(
        "%(method)s %(path)s %(status)s %(ms)s ms %(request_id)s%(told)s",
        {**fields, "told": told},
        extra={**fields, "headers": headers},
    )


def _headers(scope: Scope) -> dict[str, str]:
    chosen = http_config().logging_headers
    if not chosen.includes:
        return {}
    pairs = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    return {name: ascii(value)[1:-1] for name, value in chosen.of(pairs).items()}
