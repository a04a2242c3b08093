"""What is measured of runs when Prometheus asks."""

from __future__ import annotations

from common.telemetry import measured, sampled
from runs import metrics
from runs.engine.current import engine_here
from runs.events.current import log_here
from runs.queries import queue_depth


@sampled
def sample_engine() -> None:
    if (engine := engine_here()) is None:
        return
    metrics.SLOTS.set(engine.slots.total)
    metrics.BUSY.set(engine.executing)
    metrics.LEASE_AGE.set(engine.lease_age_seconds)


@sampled
def sample_log() -> None:
    if (log := log_here()) is None:
        return
    readers, ring_bytes = log.held()
    metrics.READERS.set(readers)
    metrics.RING.set(ring_bytes)


@measured
async def measure_queue() -> None:
    depth = await queue_depth()
    for state, runs in depth.runs.items():
        metrics.QUEUE.labels(state).set(runs)
    metrics.OLDEST.set(depth.oldest_seconds)
