"""What is told of each request that a server answers: a metric, a span, a line of the log."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

from aegra_project import access_log
from common import tracing
from graphs.crossing import App, Receive, Scope, Send

if TYPE_CHECKING:
    from opentelemetry.trace import Span

# In the scope of a request: what its handler tells of it.
OBSERVED = "aegra.observed"
UNTRACED = frozenset({"/ok", "/metrics", "/health", "/ready", "/live"})
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"})
# What no route has answered: a client could make up any number of paths.
UNKNOWN = "(none)"

REQUESTS = Counter(
    "aegra_http_requests", "Requests whose answer has ended.", ["method", "route", "status"]
)
SECONDS = Histogram(
    "aegra_http_request_seconds",
    "From a request to the first byte of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_PROGRESS = Gauge(
    "aegra_http_requests_in_progress",
    "Requests that are being answered, open streams among them.",
    multiprocess_mode="livesum",
)


@dataclass(slots=True)
class Observed:
    """One request and its answer."""

    route: str = UNKNOWN
    """As Django writes it, without what a client has filled in."""

    start: MutableMapping[str, Any] = field(default_factory=dict)
    """ASGI's message that begins the answer; empty until then."""

    answered_at: float | None = None


def route_found(scope: Mapping[str, Any], route: str | None) -> None:
    """Tell by which route a request was answered."""
    observed = scope.get(OBSERVED)
    if observed is not None and route is not None:
        observed.route = _template(route)


async def call_observed(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Call `app`, and tell what came of it; a stream is told of when it ends."""
    observed = Observed()
    began = time.perf_counter()

    async def sent(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            observed.answered_at = time.perf_counter()
            observed.start.update(message)
        await send(message)

    IN_PROGRESS.inc()
    try:
        with _span(scope) as span:
            try:
                await app({**scope, OBSERVED: observed}, receive, sent)
            finally:
                _tell(span, scope, observed)
    finally:
        IN_PROGRESS.dec()
        # The middleware says which: a server may have the next request in the same context.
        structlog.contextvars.unbind_contextvars("request_id")
        _count(scope, observed, began)
        access_log.tell(scope, observed.start, (time.perf_counter() - began) * 1000)


def _span(scope: Scope) -> AbstractContextManager[Span | None]:
    """Return the span of a request; whoever looks whether a server is there gets none."""
    if tracing.current() is None or scope["path"] in UNTRACED:
        return nullcontext()
    parent = dict(scope["headers"]).get(b"traceparent")
    return tracing.span(
        scope["method"],
        kind="server",
        traceparent=parent.decode("latin1") if parent else None,
        attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
    )


def _tell(span: Span | None, scope: Scope, observed: Observed) -> None:
    if span is None:
        return
    span.update_name(f"{scope['method']} {observed.route}")
    span.set_attribute("http.route", observed.route)
    status = observed.start.get("status")
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        tracing.failed(span, str(status or "left"))


def _count(scope: Scope, observed: Observed, began: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else "other"
    status = str(observed.start.get("status", "left"))
    REQUESTS.labels(method, observed.route, status).inc()
    if observed.answered_at is not None:
        SECONDS.labels(method, observed.route).observe(observed.answered_at - began)


@cache
def _template(route: str) -> str:
    """Return `/threads/{thread_id}` for `threads/<str:thread_id>`."""
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route).lstrip("/")
