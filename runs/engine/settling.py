"""How a run of this process ends: its outcome written, undone, or left to who has the run now."""

from __future__ import annotations

from dataclasses import dataclass

from common import db
from graphs.checkpointer import delete_run_checkpoints
from runs.engine import queries
from runs.engine.claim_queries import hand_back
from runs.engine.heads import read_head
from runs.engine.queries import Outcome
from runs.events.log import Writer
from runs.models import CancelAction
from runs.spec import ClaimedRun

ACTIVE = ("pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What has become of a run when one of its attempts has ended."""

    is_over: bool
    """False when another attempt goes on with it."""

    is_own: bool = False
    """Whether this attempt wrote its end."""

    may_wait: bool = False
    """Whether runs may wait on its thread."""


async def settle(
    run: ClaimedRun, outcome: Outcome, events: Writer, *, hands_back: bool = False
) -> Settled:
    """Write the outcome of an attempt and what it said last, if it still holds the run.

    With `hands_back` the run returns to the queue, unless it was cancelled.
    """
    if hands_back:
        await events.stored()
        if await hand_back(run):
            return Settled(is_over=False)
    words = await events.last_words(outcome.output if run.is_temporary else None)
    if run.is_temporary and await queries.drop_temporary_thread(run, outcome, words):
        return Settled(is_over=True, is_own=True)
    has_waiting = await queries.settle(run, outcome, words)
    if has_waiting is not None:
        return Settled(is_over=True, is_own=True, may_wait=has_waiting)
    await events.stored()
    return await _roll_back(run)


async def _roll_back(run: ClaimedRun) -> Settled:
    """Undo a run whose cancel says so; leave alone what another attempt holds."""
    async with db.transaction() as tx:
        row = await queries.held_run(tx, run, lock=True)
        if row is None:
            return Settled(is_over=True)
        if not row["is_held"]:
            return Settled(is_over=row["status"] not in ACTIVE)
        if row["cancel_action"] != CancelAction.ROLLBACK:
            # It cannot be: `settle` refuses nothing else that is held.
            return Settled(is_over=False)
        await delete_run_checkpoints(tx, thread_id=run.thread_id, run_id=run.run_id)
    await queries.finish_rollback(run, await read_head(run))
    return Settled(is_over=True, is_own=True, may_wait=True)
