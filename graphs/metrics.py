"""What Prometheus is told of graphs, their loop and their checkpoints."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

CHECKPOINTS = Counter("aegra_checkpoints_written", "Checkpoints that runs have written.")
LAG = Gauge(
    "aegra_graph_loop_lag_seconds",
    "How long a node has kept the graph loop from turning.",
    multiprocess_mode="livemax",
)
