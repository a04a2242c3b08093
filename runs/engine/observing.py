"""What is told of an attempt while it is executed, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from runs import metrics
from runs.engine.queries import Outcome
from runs.spec import ClaimedRun


@contextmanager
def observed(run: ClaimedRun) -> Iterator[Attempt]:
    """Tell of the run in all that is logged inside, and of nothing that was told before.

    An attempt may have been begun by the end of another, in whose context it would stand.
    """
    structlog.contextvars.clear_contextvars()
    with structlog.contextvars.bound_contextvars(**_ids(run)):
        yield Attempt(run)


class Attempt:
    """An attempt that is being executed."""

    def __init__(self, run: ClaimedRun) -> None:
        self._run = run
        self._began = time.monotonic()

    def settled(self, outcome: Outcome) -> None:
        graph_id = self._run.graph_id
        metrics.SETTLED.labels(graph_id, outcome.status).inc()
        metrics.TOOK.labels(graph_id).observe(time.monotonic() - self._began)


def _ids(run: ClaimedRun) -> dict[str, Any]:
    request_id = run.configurable.get("langgraph_request_id")
    return {
        "run_id": str(run.run_id),
        "thread_id": str(run.thread_id),
        "graph_id": run.graph_id,
        "attempt": run.attempt,
        **({"request_id": request_id} if request_id else {}),
    }
