"""One line for each request that a server answers, when its answer has ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from common.http_config import http_config
from graphs.crossing import Scope

logger = logging.getLogger(__name__)


def tell(scope: Scope, start: Mapping[str, Any], ms: float) -> None:
    """Write the line of a request whose answer has ended, where one is wanted."""
    if _is_on():
        _log(scope, start, ms)


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
