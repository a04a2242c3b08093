"""What is measured of graphs when Prometheus asks."""

from __future__ import annotations

from common.telemetry import sampled
from graphs import loop as graph_loop
from graphs.metrics import LAG


@sampled
def sample_loop() -> None:
    if (loop := graph_loop.loop_here()) is not None:
        LAG.set(loop.lag_seconds())
