"""Background work that is no resource's."""

from __future__ import annotations

from procrastinate.contrib.django import app

from common import db


@app.periodic(cron="53 * * * *")
@app.task(queue="upkeep", queueing_lock="forget_sessions", pass_context=False)
async def forget_sessions(timestamp: int) -> None:
    """Delete the admin's sessions that have run out, which Django leaves where they are."""
    await db.execute("DELETE FROM django_session WHERE expire_date < now()")
