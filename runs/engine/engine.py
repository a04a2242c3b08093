"""Executes runs on the graph loop: slots, start, cancel, settle, stop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from psycopg.errors import UniqueViolation

from common import db, jsoncodec
from graphs import loop as graph_loop
from graphs.checkpointer import delete_checkpoints, delete_run_checkpoints
from runs import metrics
from runs.engine import queries
from runs.engine.executor import INSIST_SECONDS, Execution, read_head
from runs.engine.leases import LeaseKeeper
from runs.engine.observing import Attempt, observed
from runs.engine.queries import Outcome
from runs.engine.slots import HeldSlot, Slots, held
from runs.events.memory import MemoryEventLog
from runs.models import CancelAction, RunStatus
from runs.spec import ClaimedRun

logger = logging.getLogger(__name__)

# Pending runs are claimed so many at a time: the other slots are for runs that begin here.
CLAIM_AT_ONCE = 10
# Other processes need this long to take their locks again after the database restarted.
RELOCK_SECONDS = 2.0
SETTLE_RETRY_SECONDS = 1.0
LOST = {
    "error": "ServerStopped",
    "message": "The server stopped while this run was executing. Its thread is as of its last "
    "checkpoint; a run with `input: null` goes on from there.",
}


class Engine:
    """The runs of one process. Its methods may be called from any thread."""

    def __init__(self, log: MemoryEventLog) -> None:
        self.log = log
        self._graph_loop = graph_loop.current()
        self._loop = self._graph_loop.loop
        self.slots = Slots()
        self._executions: dict[UUID, Execution] = {}
        self._early_stops: deque[UUID] = deque(maxlen=1000)  # of runs that may be about to begin
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False
        self._has_backlog = False
        """Whether a run may be pending that no other run's end will claim."""
        self._relock_until = time.monotonic() + RELOCK_SECONDS
        self._keeper = LeaseKeeper(self._executions, self.cancel_local, self._beat)

    @property
    def process_number(self) -> int:
        return self._keeper.process_number

    @property
    def executing(self) -> int:
        """How many runs are being executed."""
        return len(self._executions)

    @property
    def lease_age_seconds(self) -> float:
        return time.monotonic() - self._keeper.renewed_at

    def begin(self) -> None:
        self._keeper.start()
        self._call(self._sweep_at_start())

    def take_slot(self) -> bool:
        """Take a slot for a run that is about to be written; give it back with `return_slots`."""
        return not self._graph_loop.is_stalled() and self._take_slots(1) == 1

    def return_slots(self, number: int = 1) -> None:
        self.slots.give_back(number)

    def start(self, run: ClaimedRun) -> None:
        """Execute a claimed run whose slot has been taken."""
        self.log.open(run.run_id)
        self._loop.call_soon_threadsafe(self._begin, run)

    def wake(self) -> None:
        """Look for pending runs, as after one was written without a slot."""
        self._has_backlog = True
        self._call(self._claim())

    def is_executing(self, run_id: UUID) -> bool:
        return run_id in self._executions

    def cancel_local(self, run_id: UUID) -> None:
        """Stop a run if this process executes it; that it is to stop stands in the database."""
        self._loop.call_soon_threadsafe(self._stop, run_id)

    @property
    def is_draining(self) -> bool:
        return self._is_draining

    def stop_claiming(self) -> None:
        """Take no new runs: the process is about to stop."""
        self._is_draining = True

    def end(self) -> None:
        """Let running runs finish for DRAIN_SECONDS, then hand them back, and stop."""
        self.stop_claiming()
        drained = asyncio.run_coroutine_threadsafe(self._drain(), self._loop)
        try:
            drained.result(settings.DRAIN_SECONDS + graph_loop.STOP_SECONDS)
        except TimeoutError:
            logger.warning("runs are left to their leases: a node blocks the graph loop")
        self._keeper.stop()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        self._loop.call_soon_threadsafe(self._spawn, work)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.error("engine task failed", exc_info=failure)

    def _stop(self, run_id: UUID) -> None:
        if (execution := self._executions.get(run_id)) is None:
            self._early_stops.append(run_id)
            return
        execution.stop()
        self._loop.call_later(INSIST_SECONDS, self._stop, run_id)

    def _begin(self, run: ClaimedRun) -> None:
        execution = self._executions[run.run_id] = Execution(run, self.log)
        if run.cancel_action or run.run_id in self._early_stops:
            self._stop(run.run_id)
        self._spawn(self._carry_out(execution))

    async def _carry_out(self, execution: Execution) -> None:
        held.set(HeldSlot(self.slots, on_free=self._claim_backlog))
        try:
            with observed(execution.run) as attempt:
                outcome = await execution.execute()
                await asyncio.shield(self._finish(execution, outcome, attempt))
        finally:
            del self._executions[execution.run.run_id]
            self.return_slots()
            if self._has_backlog:
                await self._claim()

    async def _finish(self, execution: Execution, outcome: Outcome, attempt: Attempt) -> None:
        """Settle, trying again for as long as the database cannot be reached."""
        run = execution.run
        kept: bool | None = None
        while kept is None:
            try:
                kept = await self._settle(run, outcome)
            except db.UNSTORABLE as exc:
                outcome = execution.failed(exc)
            except db.UNREACHABLE as exc:
                logger.warning("settle failed: %s", exc, extra={"run_id": str(run.run_id)})
                await asyncio.sleep(SETTLE_RETRY_SECONDS)
        if kept:
            attempt.settled(outcome)
            self.log.close(run.run_id, execution.output)
        logger.info(
            "run settled",
            extra={"run_id": str(run.run_id), "status": outcome.status, "attempt": run.attempt},
        )

    async def _settle(self, run: ClaimedRun, outcome: Outcome) -> bool:
        """Write the outcome; False when the run goes on elsewhere."""
        is_unfinished = self._is_draining and outcome.status == RunStatus.INTERRUPTED
        if is_unfinished and await queries.hand_back(run):
            return False
        if run.is_temporary and await queries.drop_temporary_thread(run, outcome):
            return True
        has_waiting = await queries.settle(run, outcome)
        if has_waiting is None:
            await self._roll_back(run)
        self._has_backlog = self._has_backlog or has_waiting is not False
        return True

    async def _roll_back(self, run: ClaimedRun) -> None:
        """Undo a run whose cancel says so; nothing when the lease is lost."""
        if not await queries.thread_exists(run.thread_id):
            async with db.transaction() as tx:
                # Its thread was deleted meanwhile; what it wrote since then goes too.
                await delete_checkpoints(tx, [run.thread_id])
        if await queries.wanted_action(run) != CancelAction.ROLLBACK:
            return
        async with db.transaction() as tx:
            await delete_run_checkpoints(tx, thread_id=run.thread_id, run_id=run.run_id)
        await queries.finish_rollback(run, await read_head(run))

    async def _claim(self) -> None:
        """Claim pending runs for free slots, until none is pending or no slot is free."""
        while self._has_backlog and (taken := self._take_slots(CLAIM_AT_ONCE)):
            self._has_backlog = False
            claimed: list[ClaimedRun] = []
            try:
                claimed = await queries.claim_runs(
                    claimed_by=self.process_number,
                    lease_seconds=settings.RUN_LEASE_SECONDS,
                    limit=taken,
                )
            except UniqueViolation:
                # Another process claimed a run of the same thread: look again.
                self._has_backlog = True
            except db.UNREACHABLE as exc:
                # The next beat looks again.
                logger.warning("claim failed: %s", exc)
                return
            finally:
                self.return_slots(taken - len(claimed))
            self._has_backlog = self._has_backlog or len(claimed) == taken
            for run in claimed:
                if run.attempt == 1:
                    metrics.WAITED.observe(run.waited_seconds)
                self.start(run)

    def _take_slots(self, wanted: int) -> int:
        return 0 if self._is_draining else self.slots.take(wanted)

    def _claim_backlog(self) -> None:
        """Claim what waits for the slot of a run that lends its own."""
        if self._has_backlog:
            self._call(self._claim())

    def _beat(self) -> None:
        self.log.forget_old()
        if time.monotonic() > self._relock_until:
            self._call(self._try_sweep(all_unlocked=False))

    async def _sweep_at_start(self) -> None:
        await asyncio.sleep(RELOCK_SECONDS)
        await self._try_sweep(all_unlocked=True)

    async def _try_sweep(self, *, all_unlocked: bool) -> None:
        try:
            await self._sweep(all_unlocked=all_unlocked)
        except db.UNREACHABLE as exc:
            # The next beat sweeps again.
            logger.warning("sweep failed: %s", exc)

    async def _sweep(self, *, all_unlocked: bool) -> None:
        """Settle the runs of processes that are gone, claim what is pending, end stale logs."""
        orphans = await queries.find_orphans(
            claimed_by=self.process_number, all_unlocked=all_unlocked
        )
        for run in orphans:
            head = None if run.is_temporary else await read_head(run)
            outcome = Outcome(status=RunStatus.ERROR, error=dict(LOST), head=head)
            metrics.LOST.inc()
            logger.warning("run lost its process", extra={"run_id": str(run.run_id)})
            try:
                await self._settle(run, outcome)
            except db.UNSTORABLE:
                await self._settle(run, replace(outcome, head=None))
            self.log.close(run.run_id, jsoncodec.dumps({"__error__": LOST}))
        self._has_backlog = True
        await self._claim()
        # Of runs that were deleted, or executed elsewhere.
        waiting = [run_id for run_id in self.log.open_runs() if not self.is_executing(run_id)]
        for run_id in await queries.ended_among(waiting):
            self.log.close(run_id)

    async def _drain(self) -> None:
        me = asyncio.current_task()
        waiting = {task for task in self._tasks if task is not me}
        if waiting:
            await asyncio.wait(waiting, timeout=settings.DRAIN_SECONDS)
        for execution in tuple(self._executions.values()):
            execution.stop()
        if waiting := {task for task in waiting if not task.done()}:
            await asyncio.wait(waiting, timeout=graph_loop.STOP_SECONDS - 1)
