from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from access.caller import Caller
from common import db
from common.errors import NotFound, Overloaded
from runs.cancel_queries import (
    Cancelled,
    delete_run_row,
    derive_thread_status,
    lock_active_threads,
    mark_cancelled,
)
from runs.engine.current import engine_here
from runs.events.current import log_here
from runs.models import RunStatus
from runs.queries import lock_thread, run_result

# A run that is to be deleted is given this long to stop, and looked at this often.
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02


async def cancel_runs(
    run_ids: Sequence[UUID], *, thread_id: UUID, action: str, caller: Caller
) -> list[UUID]:
    """Stop active runs of a thread; returns those that were active.

    `interrupt` keeps what they did, `rollback` undoes it and deletes them. Written down first,
    so that no crash forgets it; a running run stops within milliseconds after that.
    """
    async with db.transaction() as tx:
        if await lock_thread(tx, thread_id, caller=caller) is None:
            raise NotFound(f"Thread with ID {thread_id} not found")
        cancelled = await mark_cancelled(tx, [thread_id], action, run_ids=run_ids)
        if cancelled.pending:
            await derive_thread_status(tx, [thread_id])
    obey(cancelled)
    return cancelled.run_ids


async def cancel_run(run_id: UUID, *, thread_id: UUID, action: str, caller: Caller) -> None:
    """Stop a run; raises NotFound when it has ended."""
    if not await cancel_runs([run_id], thread_id=thread_id, action=action, caller=caller):
        raise NotFound(f"No runs found to cancel: run {run_id} has ended.")


async def cancel_runs_of_status(
    statuses: Sequence[str], *, action: str, caller: Caller
) -> list[UUID]:
    """Stop every run of some statuses that the caller can see; returns those that were."""
    async with db.transaction() as tx:
        thread_ids = await lock_active_threads(tx, statuses, caller=caller)
        cancelled = await mark_cancelled(tx, thread_ids, action, statuses=statuses)
        if cancelled.pending:
            await derive_thread_status(tx, thread_ids)
    obey(cancelled)
    return cancelled.run_ids


async def delete_run(run_id: UUID, *, thread_id: UUID, caller: Caller) -> None:
    """Delete a run's record; an active one is cancelled first, and waited for.

    Its checkpoints stay: they are the thread's.
    """
    cancelled = await cancel_runs([run_id], thread_id=thread_id, action="interrupt", caller=caller)
    if cancelled:
        await _stopped(run_id)
    async with db.transaction() as tx:
        await lock_thread(tx, thread_id, caller=caller)
        await delete_run_row(tx, run_id)
        await derive_thread_status(tx, [thread_id])


async def _stopped(run_id: UUID) -> None:
    """Wait until an active run has ended, here or in another process."""
    for _ in range(round(STOP_SECONDS / POLL_SECONDS)):
        row = await run_result(run_id)
        if row is None or row["status"] not in (RunStatus.PENDING, RunStatus.RUNNING):
            return
        await asyncio.sleep(POLL_SECONDS)
    raise Overloaded(f"Run {run_id} does not stop; a node blocks its process. Try again.")


def obey(cancelled: Cancelled) -> None:
    """Make the effects of a committed cancel felt in this process."""
    if engine := engine_here():
        for run_id in cancelled.running:
            engine.cancel_local(run_id)
    # They were cancelled before they began. Readers elsewhere look by themselves, if later.
    if log := log_here():
        log.tell_ended(cancelled.pending)
