"""Background work for runs."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job

from runs import retention
from runs.events.forgetting import forget_old_events
from runs.idempotency import forget_old_keys
from runs.webhooks import queries
from runs.webhooks.delivering import Undelivered, deliver

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400.0


class WhenDelivered(BaseRetryStrategy):
    """Tries again as a delivery says, and at once what a stop of the process has cut short."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, Undelivered):
            return _after(exception.wait_seconds)
        if isinstance(exception, asyncio.CancelledError):
            return _after(0.0)
        # The database was not to be reached, say: the attempt is not known to have been made.
        if job.attempts < settings.WEBHOOK_MAX_ATTEMPTS:
            return _after(settings.WEBHOOK_RETRY_SECONDS)
        return None


def _after(seconds: float) -> RetryDecision:
    return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=seconds))


@app.task(name=queries.TASK, queue="webhooks", priority=queries.PRIORITY, retry=WhenDelivered())
async def send_webhook(delivery_id: str) -> None:
    await deliver(UUID(delivery_id))


@app.periodic(cron="37 * * * *")
@app.task(queue="upkeep", queueing_lock="forget_deliveries", pass_context=False)
async def forget_deliveries(timestamp: int) -> None:
    """Delete old entries of the delivery log."""
    await queries.forget_deliveries(
        older_than_seconds=settings.WEBHOOK_RETENTION_DAYS * DAY_SECONDS
    )


@app.periodic(cron="41 * * * *")
@app.task(queue="upkeep", queueing_lock="forget_idempotency_keys", pass_context=False)
async def forget_idempotency_keys(timestamp: int) -> None:
    """Forget the keys of requests that nobody sends again any more."""
    await forget_old_keys()


@app.periodic(cron="23 * * * *")
@app.task(queue="upkeep", lock="forget_old_runs", queueing_lock="forget_old_runs")
async def forget_old_runs(timestamp: int) -> None:
    """Delete the records of old runs, when RUN_RETENTION_DAYS says so."""
    if not settings.RUN_RETENTION_DAYS:
        return
    tally = await retention.forget_old_runs(days=settings.RUN_RETENTION_DAYS)
    if tally.rows.total():
        logger.info("old runs deleted", extra={"runs": tally.rows["runs"]})


@app.periodic(cron="* * * * *")
@app.task(queue="upkeep", queueing_lock="forget_old_events", pass_context=False)
async def forget_events(timestamp: int) -> None:
    """Delete events that nobody comes back for any more."""
    await forget_old_events()
