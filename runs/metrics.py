"""What Prometheus is told of runs: counted where it happens, measured in `runs.measuring`."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

CREATED = Counter("aegra_runs_created", "Runs that were written.", ["graph"])
SETTLED = Counter("aegra_runs_settled", "Runs that came to their end.", ["graph", "status"])
TOOK = Histogram("aegra_run_seconds", "From a run's claim to its end.", ["graph"], buckets=SECONDS)
WAITED = Histogram(
    "aegra_run_wait_seconds",
    "How long a run waited to be claimed for the first time.",
    buckets=SECONDS,
)
LOST = Counter("aegra_run_attempts_lost", "Attempts whose process died, found by this process.")

SLOTS = Gauge("aegra_slots", "Runs that may be executed at once.", multiprocess_mode="livesum")
BUSY = Gauge("aegra_slots_busy", "Runs that are being executed.", multiprocess_mode="livesum")
LEASE_AGE = Gauge(
    "aegra_lease_age_seconds", "Since the leases were last renewed.", multiprocess_mode="livemax"
)

QUEUE = Gauge(
    "aegra_queue_runs", "Runs in the database by state.", ["state"], multiprocess_mode="mostrecent"
)
OLDEST = Gauge(
    "aegra_queue_oldest_seconds",
    "How long the run has waited that waits longest.",
    multiprocess_mode="mostrecent",
)

EVENTS = Counter("aegra_events", "Events that runs have published.")
EVENT_BYTES = Counter("aegra_event_bytes", "Bytes of those events.")
READERS = Gauge(
    "aegra_event_readers", "Clients that follow a run in this process.", multiprocess_mode="livesum"
)
RING = Gauge(
    "aegra_event_ring_bytes", "Bytes of events held in memory.", multiprocess_mode="livesum"
)
WEBHOOKS = Counter("aegra_webhook_attempts", "Attempts to send a webhook.", ["status"])
DROPPED = Counter("aegra_event_readers_dropped", "Clients that were too slow for their stream.")


def count_created(graph_id: str, *, is_claimed: bool) -> None:
    """Count a run that was written; one that begins at once has not waited."""
    CREATED.labels(graph_id).inc()
    if is_claimed:
        WAITED.observe(0)
