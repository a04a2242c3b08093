"""Background work for runs."""

from __future__ import annotations

from procrastinate.contrib.django import app

from runs.idempotency import forget_old_keys


@app.periodic(cron="41 * * * *")
@app.task(queue="upkeep", queueing_lock="forget_idempotency_keys", pass_context=False)
async def forget_idempotency_keys(timestamp: int) -> None:
    """Forget the keys of requests that nobody sends again any more."""
    await forget_old_keys()
