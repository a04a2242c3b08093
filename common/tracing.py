"""Spans for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT names a collector; else none.

The packages are an extra (requirements-telemetry.txt), imported by `start` alone. What a graph's
own instrumentation makes goes the same way and stands below the run's span.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog
from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, SpanKind

logger = logging.getLogger(__name__)

Attributes: TypeAlias = "Mapping[str, str | int | float | bool]"

SERVICE = "aegra-django"
# What a collector has not taken by then is lost: a stop waits for nobody.
STOP_SECONDS = 3.0
# A value as long as a document is no attribute.
CONTENT_CHARACTERS = 64_000

_tracing: Tracing | None = None


class Tracing:
    """OpenTelemetry's parts, in a process that exports spans."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.trace, self.context = trace, context
        self.provider = provider
        self.tracer = provider.get_tracer(SERVICE, settings.VERSION)
        self.propagator = TraceContextTextMapPropagator()

    def context_of(self, traceparent: str | None) -> Context:
        """Return the context of a parent in another process; an empty one without it."""
        carrier = {"traceparent": traceparent} if traceparent else {}
        return self.propagator.extract(carrier, self.context.Context())

    def kind(self, name: str) -> SpanKind:
        return self.trace.SpanKind[name.upper()]


def start() -> None:
    """Export spans from now on, as the variables OTEL_… say, if they ask for it."""
    global _tracing  # noqa: PLW0603 -- the one provider of the process, with one owner
    if not settings.TRACING:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = Resource.create({"service.name": SERVICE, "service.version": settings.VERSION})
    provider = TracerProvider(
        resource=named.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    # It has a queue and a thread of its own; what does not fit is dropped.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
    _tracing = Tracing(provider)


def stop() -> None:
    """Send what is left, for a moment."""
    global _tracing
    if _tracing is None:
        return
    provider, _tracing = _tracing.provider, None
    sending = threading.Thread(target=provider.shutdown, name="tracing", daemon=True)
    sending.start()
    sending.join(STOP_SECONDS)
    if sending.is_alive():
        logger.warning("spans are lost: the collector does not take them")


def current() -> Tracing | None:
    """Return OpenTelemetry's parts, or None in a process that exports no spans."""
    return _tracing


@contextmanager
def span(
    name: str, *, kind: str, traceparent: str | None, attributes: Attributes
) -> Iterator[Span | None]:
    """Be in a span, the child of one in another process or a trace's first; None without tracing.

    What is logged inside names its trace.
    """
    if _tracing is None:
        yield None
        return
    made = _tracing.tracer.start_span(
        name,
        context=_tracing.context_of(traceparent),
        kind=_tracing.kind(kind),
        attributes=dict(attributes),
    )
    trace_id = f"{made.get_span_context().trace_id:032x}"
    with (
        structlog.contextvars.bound_contextvars(trace_id=trace_id),
        _tracing.trace.use_span(
            made, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ),
    ):
        yield made


def traceparent() -> str | None:
    """Return the span in which the caller is, as W3C writes it for others."""
    if _tracing is None:
        return None
    carrier: dict[str, str] = {}
    _tracing.propagator.inject(carrier)
    return carrier.get("traceparent")


def carried() -> Callable[[], object]:
    """Return what puts another context into the span in which the caller is."""
    if (tracing := _tracing) is None:
        return lambda: None
    here = tracing.context.get_current()
    return lambda: tracing.context.attach(here)


def failed(made: Span | None, what: str) -> None:
    """Mark a span as failed, by the kind of error: its message may tell of what was asked."""
    if made is not None and _tracing is not None:
        made.set_attribute("error.type", what)
        made.set_status(_tracing.trace.StatusCode.ERROR, what)


def content(written: Callable[[], bytes], name: str) -> dict[str, Any]:
    """Return `input` or `output` as attributes, where TRACE_CONTENT asks for them."""
    if not settings.TRACE_CONTENT:
        return {}
    text = written()[: CONTENT_CHARACTERS * 4].decode("utf-8", "ignore")[:CONTENT_CHARACTERS]
    # OpenInference's names, which Phoenix and Langfuse read.
    return {f"{name}.value": text, f"{name}.mime_type": "application/json"}
