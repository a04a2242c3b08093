from __future__ import annotations

from procrastinate.contrib.django import app

from crons.firing import fire_due_crons


# The sixth field is the seconds: croniter, which reads this, has them last.
@app.periodic(cron="* * * * * */5")
@app.task(name="crons.fire", queue="crons", queueing_lock="crons.fire", pass_context=False)
async def fire_crons(timestamp: int) -> None:
    """Have the crons that are due make their runs."""
    await fire_due_crons()
