"""What is told of an attempt while it is executed, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from common import jsoncodec, tracing
from runs import metrics
from runs.engine.queries import Outcome
from runs.spec import ClaimedRun

if TYPE_CHECKING:
    from opentelemetry.trace import Span


@contextmanager
def observed(run: ClaimedRun) -> Iterator[Attempt]:
    """Tell of the run in all that is logged inside, and of nothing that was told before.

    An attempt may have been begun by the end of another, in whose context it would stand.
    """
    structlog.contextvars.clear_contextvars()
    with (
        structlog.contextvars.bound_contextvars(**_ids(run)),
        tracing.span(
            f"invoke_agent {run.graph_id}",
            kind="internal",
            traceparent=run.traceparent,
            attributes=_attributes(run) if tracing.current() else {},
        ) as span,
    ):
        yield Attempt(run, span)


class Attempt:
    """An attempt that is being executed."""

    def __init__(self, run: ClaimedRun, span: Span | None) -> None:
        self._run = run
        self._span = span
        self._began = time.monotonic()

    def settled(self, outcome: Outcome, output: bytes | None) -> None:
        graph_id = self._run.graph_id
        metrics.SETTLED.labels(graph_id, outcome.status).inc()
        metrics.TOOK.labels(graph_id).observe(time.monotonic() - self._began)
        if self._span is not None:
            self._span.set_attribute("aegra.run.status", outcome.status)
            self._span.set_attributes(tracing.content(lambda: output or b"", "output"))
        if outcome.error is not None:
            tracing.failed(self._span, str(outcome.error.get("error")))


@contextmanager
def told_steps(run: ClaimedRun) -> Iterator[list[Any]]:
    """Return the callbacks by which a graph's steps become spans; none without tracing."""
    if (current := tracing.current()) is None:
        yield []
        return
    # It imports what is there only with the extra.
    from graphs.steps import StepSpans

    steps = StepSpans(current, str(run.thread_id))
    try:
        yield [steps]
    finally:
        steps.close()


def _ids(run: ClaimedRun) -> dict[str, Any]:
    request_id = run.configurable.get("langgraph_request_id")
    return {
        "run_id": str(run.run_id),
        "thread_id": str(run.thread_id),
        "graph_id": run.graph_id,
        "attempt": run.attempt,
        **({"request_id": request_id} if request_id else {}),
    }


def _attributes(run: ClaimedRun) -> dict[str, Any]:
    thread_id = str(run.thread_id)
    asked = run.kwargs.get("command") or run.kwargs.get("input")
    return {
        "openinference.span.kind": "AGENT",
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": run.graph_id,
        "gen_ai.agent.id": str(run.assistant_id),
        "gen_ai.conversation.id": thread_id,
        "session.id": thread_id,
        "aegra.run_id": str(run.run_id),
        "aegra.attempt": run.attempt,
        **tracing.content(lambda: jsoncodec.dumps(asked), "input"),
    }
