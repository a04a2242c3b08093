from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
from procrastinate.contrib.django import app

from common import db
from common.background import defer
from crons.jobs import fire_crons
from crons.tests.asking import MakeCron, make_due, runs_of


async def test_what_is_due_is_looked_for_every_five_seconds() -> None:
    start = datetime(2026, 11, 29, 10, 0, 1, tzinfo=UTC)
    (periodic,) = (
        each
        for each in app.periodic_registry.periodic_tasks.values()
        if each.task.name == fire_crons.name
    )

    times = [periodic.croniter.get_next(ret_type=datetime, start_time=start)]
    times += [periodic.croniter.get_next(ret_type=datetime) for _ in range(2)]

    assert [time - start for time in times] == [timedelta(seconds=s) for s in (4, 9, 14)]


async def test_the_job_makes_the_runs_that_are_due(
    api: httpx.AsyncClient, cron: MakeCron, drain: Callable[[], Awaitable[None]]
) -> None:
    made = await cron(input={"messages": []}, on_run_completed="keep")
    await make_due(made)
    async with db.transaction() as tx:
        await defer(tx, "crons.fire", {"timestamp": 0}, queue="crons")

    await drain()

    assert len(await runs_of(api, made)) == 1
