"""What Prometheus is told of crons."""

from __future__ import annotations

from prometheus_client import Counter

FIRED = Counter(
    "aegra_crons_fired", "Times of crons that came: each made a run, or an error.", ["outcome"]
)
