"""Items of the store that go by their time to live."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from common.ttl import is_turn
from store.backend import sweep, sweep_interval_minutes

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", lock="sweep_store", queueing_lock="sweep_store")
async def sweep_store(timestamp: int) -> None:
    """Delete expired items; one sweep at a time, whichever process does it."""
    if not is_turn(timestamp, every_minutes=sweep_interval_minutes()):
        return
    tally = await sweep()
    if tally.rows.total():
        logger.info("store swept", extra={"items": tally.rows["store items"]})
