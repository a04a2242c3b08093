"""What whoever operates the server does to many runs, and what became of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

from access.caller import ANONYMOUS
from common.bulk import Done, each
from common.errors import NotFound
from runs.cancellation import cancel_run, cancel_runs_of_status
from runs.inspecting import ACTIVE, active_among, threads_of
from runs.retrying import retry_run

POLL_SECONDS = 0.1
STATUSES = {"all": ACTIVE, "pending": ("pending",), "running": ("running",)}
TOLD = "is told to stop"


async def cancel_each(run_ids: Sequence[UUID], *, action: str) -> list[Done]:
    threads = await threads_of(run_ids, caller=ANONYMOUS)

    async def cancel(run_id: UUID) -> str:
        if run_id not in threads:
            raise NotFound(f"Run with ID {run_id} not found")
        await cancel_run(run_id, thread_id=threads[run_id], action=action, caller=ANONYMOUS)
        return TOLD

    return await each(run_ids, cancel)


async def cancel_all(status: str, *, action: str) -> list[Done]:
    """Stop all runs that are `pending`, `running` or either."""
    found = await cancel_runs_of_status(STATUSES[status], action=action, caller=ANONYMOUS)
    return [Done(id=run_id, is_done=True, told=TOLD) for run_id in found]


async def retry_each(run_ids: Iterable[UUID]) -> list[Done]:
    async def retry(run_id: UUID) -> str:
        await retry_run(run_id, caller=ANONYMOUS)
        return "is pending again"

    return await each(run_ids, retry)


async def ended(told: Sequence[Done], wait_seconds: float) -> list[Done]:
    """Wait until those that are told to stop have ended; tells which have."""
    deadline = time.monotonic() + wait_seconds
    waiting = [one.id for one in told if one.is_done]
    while waiting := await active_among(waiting, caller=ANONYMOUS):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_SECONDS)
    return [_as_ended(one, is_active=one.id in waiting) for one in told]


def _as_ended(one: Done, *, is_active: bool) -> Done:
    if not one.is_done:
        return one
    told = "has not ended yet" if is_active else "has ended"
    return Done(id=one.id, is_done=not is_active, told=told)
