"""Background work: jobs that PostgreSQL keeps, and the thread that does them.

What need not be done in a request is a job of procrastinate's: written in the transaction that
asks for it, done by any process, tried again when its process dies. Each app's jobs stand in its
`jobs.py`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from typing import Any

from django.conf import settings
from procrastinate import App, PsycopgConnector
from procrastinate.contrib.django import app

from common import db
from common.db import jsonb
from common.jsoncodec import JsonObject
from common.measuring import count_job

logger = logging.getLogger(__name__)

# A worker that has not been heard of for this long is dead, and its jobs are done by others.
SILENT_SECONDS = 30.0
# Jobs that are due at a time are looked at this often; others are announced.
POLL_SECONDS = 1.0
RESTART_SECONDS = 1.0
FAILED_DAYS = 7
DAY_HOURS = 24

DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(
  %(queue)s, %(task)s, %(priority)s, NULL, NULL, %(arguments)s,
  CASE WHEN %(after_seconds)s > 0 THEN now() + make_interval(secs => %(after_seconds)s) END
)::procrastinate_job_to_defer_v1])
"""


async def defer(
    tx: db.Connection,
    task: str,
    arguments: JsonObject,
    *,
    queue: str = "default",
    after_seconds: float = 0.0,
    priority: int = 0,
) -> None:
    """Write a job into the caller's transaction: it is done if that commits, and only then.

    `task` is the name under which a job is registered, `module.function`. Of the jobs that are
    due, those of a higher priority are done first.
    """
    parameters = {
        "queue": queue,
        "task": task,
        "priority": priority,
        "arguments": jsonb(arguments),
        "after_seconds": after_seconds,
    }
    await tx.execute(DEFER, parameters)


@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", queueing_lock="retry_stalled_jobs", pass_context=False)
async def retry_stalled_jobs(timestamp: int) -> None:
    """Give the jobs of processes that died to others."""
    stalled = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_SECONDS)
    for job in stalled:
        logger.warning("job lost its process", extra={"task": job.task_name, "job_id": job.id})
        await app.job_manager.retry_job(job)


@app.periodic(cron="17 * * * *")
@app.task(queue="upkeep", queueing_lock="forget_old_jobs", pass_context=False)
async def forget_old_jobs(timestamp: int) -> None:
    """Delete what failed jobs have left, after it could be read for a week."""
    await app.job_manager.delete_old_jobs(
        nb_hours=FAILED_DAYS * DAY_HOURS,
        include_failed=True,
        include_cancelled=True,
        include_aborted=True,
    )


class BackgroundWorker:
    """A thread that does jobs, on an event loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="background", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let jobs that are being done finish for DRAIN_SECONDS, and end the thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(settings.DRAIN_SECONDS + settings.DB_CONNECT_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._work_until_stopped())

    async def _work_until_stopped(self) -> None:
        await db.pool(settings.DB_BACKGROUND_POOL_SIZE)
        stopped = asyncio.create_task(self._stopping.wait())
        while not self._stopping.is_set():
            working = asyncio.create_task(work())
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            await asyncio.wait({working})
            if not working.cancelled() and (failure := working.exception()) is not None:
                logger.warning("background work interrupted: %s", failure)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RESTART_SECONDS)
        await db.close_pool()


async def work(*, until_idle: bool = False) -> None:
    """Do jobs until cancelled, or until none is left that is due."""
    connector = PsycopgConnector(
        conninfo=db.direct_conninfo(),
        min_size=1,
        max_size=settings.DB_BACKGROUND_POOL_SIZE,
        timeout=settings.DB_CONNECT_SECONDS,
    )
    with app.replace_connector(connector) as working:
        async with working.open_async():
            await _work(working, until_idle=until_idle)


async def _work(working: App, *, until_idle: bool) -> None:
    options: dict[str, Any] = {
        "wait": not until_idle,
        "concurrency": settings.BACKGROUND_JOBS,
        "delete_jobs": "successful",
        "fetch_job_polling_interval": POLL_SECONDS,
        "shutdown_graceful_timeout": settings.DRAIN_SECONDS,
        "stalled_worker_timeout": SILENT_SECONDS,
        "install_signal_handlers": False,
        "worker_middleware": [count_job],
        "listen_notify": not until_idle,
    }
    await working.run_worker_async(**options)
