"""What is measured of pools and background jobs when Prometheus asks."""

from __future__ import annotations

import structlog
from procrastinate.job_context import JobContext
from procrastinate.middleware import AsyncCallNext
from procrastinate.worker import Worker
from prometheus_client import Counter, Gauge

from common import db
from common.telemetry import measured, sampled

# By the threads of their loops; any other is the server's own.
POOLS = {"graphs": "graphs", "background": "background"}

JOBS = Counter("aegra_jobs", "Background jobs that were done or failed.", ["task", "outcome"])
QUEUED = Gauge(
    "aegra_jobs_queued",
    "Background jobs in the database by status.",
    ["status"],
    multiprocess_mode="mostrecent",
)
SIZE = Gauge("aegra_db_pool_size", "Connections of a pool.", ["pool"], multiprocess_mode="livesum")
MAX = Gauge(
    "aegra_db_pool_max", "Connections that a pool may have.", ["pool"], multiprocess_mode="livesum"
)
IN_USE = Gauge(
    "aegra_db_pool_in_use", "Connections that are lent.", ["pool"], multiprocess_mode="livesum"
)
WAITING = Gauge(
    "aegra_db_pool_waiting",
    "How many wait for a connection.",
    ["pool"],
    multiprocess_mode="livesum",
)

STATUSES = ("todo", "doing", "failed")
BY_STATUS = """
SELECT status::text AS status, count(*) AS jobs FROM procrastinate_jobs
 WHERE status IN ('todo', 'doing', 'failed') GROUP BY status
"""


@sampled
def sample_pools() -> None:
    for pool in db.open_pools():
        name, stats = POOLS.get(pool.name, "http"), pool.get_stats()
        SIZE.labels(name).set(stats.get("pool_size", 0))
        MAX.labels(name).set(stats.get("pool_max", 0))
        IN_USE.labels(name).set(stats.get("pool_size", 0) - stats.get("pool_available", 0))
        WAITING.labels(name).set(stats.get("requests_waiting", 0))


@measured
async def measure_jobs() -> None:
    found = {row["status"]: row["jobs"] for row in await db.fetch_all(BY_STATUS)}
    for status in STATUSES:
        QUEUED.labels(status).set(found.get(status, 0))


async def count_job(call_next: AsyncCallNext, context: JobContext, _worker: Worker) -> object:
    """Count a job by what came of it, and name it in what it logs (a worker's middleware)."""
    task = context.job.task_name
    with structlog.contextvars.bound_contextvars(task=task, job_id=context.job.id):
        try:
            result = await call_next()
        except BaseException:
            JOBS.labels(task, "failed").inc()
            raise
    JOBS.labels(task, "done").inc()
    return result
