"""Threads that go by their time to live."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from common.config import project_config
from common.ttl import is_turn
from threads.expiring import sweep_threads

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", lock="sweep_threads", queueing_lock="sweep_threads")
async def sweep_expired_threads(timestamp: int) -> None:
    """Do with expired threads what they ask for; one sweep at a time, whichever process does it."""
    sweep = project_config().thread_sweep
    if not is_turn(timestamp, every_minutes=sweep.interval_minutes):
        return
    tally = await sweep_threads(limit=sweep.limit)
    if tally.rows.total():
        logger.info(
            "threads swept",
            extra={"threads": tally.rows["threads"], "checkpoints": tally.rows["checkpoints"]},
        )
