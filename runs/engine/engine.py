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

from common import collecting, db, jsoncodec, notices
from graphs import loop as graph_loop
from runs.engine import claim_queries, queries
from runs.engine.claiming import Claiming
from runs.engine.executor import INSIST_SECONDS, Execution
from runs.engine.leases import LeaseKeeper
from runs.engine.observing import Attempt, observed
from runs.engine.queries import Outcome
from runs.engine.settling import Settled, settle
from runs.engine.slots import HeldSlot, Slots, held
from runs.engine.sweeping import RELOCK_SECONDS, Sweeping
from runs.events.log import EventLog, Writer
from runs.models import RunStatus
from runs.spec import ClaimedRun

logger = logging.getLogger(__name__)

SETTLE_RETRY_SECONDS = 1.0


class Engine:
    """The runs of one process. Its methods may be called from any thread."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self._graph_loop = graph_loop.current()
        self._loop = self._graph_loop.loop
        self.slots = Slots()
        self._held: set[UUID] = set()
        """The runs this process executes or is about to: their leases are renewed."""
        self._executions: dict[UUID, Execution] = {}
        self._early_stops: deque[UUID] = deque(maxlen=1000)  # of runs that may be about to begin
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_draining = False
        self._keeper = LeaseKeeper(self._held, self.cancel_local, self._lose, self._beat)
        self._claiming = Claiming(self.slots, self.process_number, self.start, self._loop)
        self._sweeping = Sweeping(self.process_number, self._held, self._end_lost)

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
        self._call(self._claiming.go_on())
        listener = notices.current()
        listener.listen("aegra_run", self._hear_of_run, self._claiming.look_again)
        listener.listen("aegra_cancel", self._hear_of_cancel, self._keeper.renew_soon)

    def take_slot(self) -> bool:
        """Take a slot for a run that is about to be written; give it back with `return_slots`."""
        return not self._graph_loop.is_stalled() and self._claiming.take_slots(1) == 1

    def return_slots(self, number: int = 1) -> None:
        if number:
            self.slots.give_back(number)
            self._loop.call_soon_threadsafe(self._claiming.slot_freed)

    def start(self, run: ClaimedRun) -> None:
        """Execute a claimed run whose slot has been taken."""
        self._held.add(run.run_id)
        events = self._events_of(run)
        self._loop.call_soon_threadsafe(self._begin, run, events)

    def wake(self, due_in_seconds: float = 0.0) -> None:
        """Look for pending runs, as after one was written that is not claimed."""
        self._claiming.wake(due_in_seconds)

    def is_executing(self, run_id: UUID) -> bool:
        return run_id in self._held

    def cancel_local(self, run_id: UUID) -> None:
        """Stop a run if this process executes it; that it is to stop stands in the database."""
        self._loop.call_soon_threadsafe(self._stop, run_id)

    @property
    def is_draining(self) -> bool:
        return self._is_draining

    def stop_claiming(self) -> None:
        """Take no new runs: the process is about to stop."""
        self._is_draining = True
        self._claiming.close()

    def end(self) -> None:
        """Let running runs finish for DRAIN_SECONDS, then hand them back, and stop."""
        self.stop_claiming()
        drained = asyncio.run_coroutine_threadsafe(self._drain(), self._loop)
        try:
            drained.result(settings.DRAIN_SECONDS + graph_loop.STOP_SECONDS)
        except TimeoutError:
            logger.warning("runs are left to their leases: a node blocks the graph loop")
        self._keeper.stop()

    def _hear_of_run(self, payload: str) -> None:
        self.wake(float(payload or 0))

    def _hear_of_cancel(self, payload: str) -> None:
        self.cancel_local(UUID(payload))

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
        self._insist(execution)

    def _insist(self, execution: Execution) -> None:
        if self._executions.get(execution.run.run_id) is execution:
            execution.stop()
            self._loop.call_later(INSIST_SECONDS, self._insist, execution)

    def _lose(self, run_id: UUID) -> None:
        """Stop a run that was deleted, settled, or taken over by another process."""
        if execution := self._executions.get(run_id):
            # At once: it is not to be heard of any more.
            execution.is_lost = True
            self._loop.call_soon_threadsafe(execution.stop)

    def _events_of(self, run: ClaimedRun) -> Writer:
        return self.log.open(
            run.run_id,
            thread_id=run.thread_id,
            attempt=run.attempt,
            claimed_at=run.claimed_at,
        )

    def _begin(self, run: ClaimedRun, events: Writer) -> None:
        if earlier := self._executions.get(run.run_id):
            earlier.is_lost = True
            earlier.stop()
        execution = Execution(run, events, self._keeper.is_sure)
        self._executions[run.run_id] = execution
        collecting.expect(len(self._executions))
        # A later attempt may follow upon a cancel that has been obeyed: only its row tells.
        if run.cancel_action or (run.is_fresh and run.run_id in self._early_stops):
            self._stop(run.run_id)
        self._spawn(self._carry_out(execution))

    async def _carry_out(self, execution: Execution) -> None:
        held.set(HeldSlot(self.slots, on_free=self._slot_lent))
        run_id = execution.run.run_id
        try:
            with observed(execution.run) as attempt:
                outcome = await execution.execute()
                await asyncio.shield(self._finish(execution, outcome, attempt))
        finally:
            execution.events.release()
            # Unless the next attempt has begun, here too.
            if self._executions.get(run_id) is execution:
                del self._executions[run_id]
                self._held.discard(run_id)
                collecting.expect(len(self._executions))
            self.return_slots()

    async def _finish(self, execution: Execution, outcome: Outcome, attempt: Attempt) -> None:
        """Settle, trying again for as long as the database cannot be reached."""
        run = execution.run
        settled: Settled | None = None
        while settled is None:
            try:
                await self._say_the_rest(execution)
                settled = await self._settle(run, outcome, execution.events)
            except db.UNSTORABLE as exc:
                outcome = execution.failed(exc)
            except db.Busy:
                logger.debug("a run waits to be settled", extra={"run_id": str(run.run_id)})
            except db.UNREACHABLE as exc:
                logger.warning("settle failed: %s", exc, extra={"run_id": str(run.run_id)})
                await asyncio.sleep(SETTLE_RETRY_SECONDS)
        # A renewal of the leases that comes just after the end takes the run for a lost one.
        if settled.is_own or (settled.is_over and not execution.is_lost):
            attempt.settled(outcome, execution.output)
            execution.events.close(execution.output)
        logger.info(
            "run settled" if settled.is_over else "run left to another attempt",
            extra={"run_id": str(run.run_id), "status": outcome.status, "attempt": run.attempt},
        )

    async def _say_the_rest(self, execution: Execution) -> None:
        if execution.has_unsaid:
            async with db.connection() as conn:
                row = await queries.held_run(conn, execution.run)
            if row and row["is_held"]:
                execution.say()

    async def _settle(self, run: ClaimedRun, outcome: Outcome, events: Writer) -> Settled:
        is_unfinished = self._is_draining and outcome.status == RunStatus.INTERRUPTED
        settled = await settle(run, outcome, events, hands_back=is_unfinished)
        if settled.may_wait or self._claiming.is_limited(run):
            await self._make_way()
        return settled

    async def _make_way(self) -> None:
        """Have the run claimed that may have waited for the end of another."""
        if self._is_draining:
            await claim_queries.announce_pending()
        else:
            self._claiming.look()

    async def _end_lost(self, run: ClaimedRun, outcome: Outcome) -> None:
        events, error = self._events_of(run), outcome.error
        output = jsoncodec.dumps({"__error__": error}) if error else None
        if error:
            events.publish([("error", jsoncodec.dumps(error))])
        await self._settle(run, replace(outcome, output=output), events)
        events.close(output)

    def _slot_lent(self) -> None:
        """Claim what waits for the slot of a run that lends its own; from any thread."""
        self._loop.call_soon_threadsafe(self._claiming.slot_freed)

    def _beat(self) -> None:
        self._loop.call_soon_threadsafe(self._say_what_is_sure)
        self._call(self._sweep())

    def _say_what_is_sure(self) -> None:
        for execution in self._executions.values():
            execution.say_what_is_sure()

    async def _sweep(self) -> None:
        """Mend what dead processes left, claim what is pending."""
        try:
            if await self._sweeping.sweep():
                self._loop.call_later(RELOCK_SECONDS, self._sweep_again)
        except db.UNREACHABLE as exc:
            # The next beat sweeps again.
            level = logging.DEBUG if isinstance(exc, db.Busy) else logging.WARNING
            logger.log(level, "sweep failed: %s", exc)
        self._claiming.look_again()

    def _sweep_again(self) -> None:
        if not self._is_draining:
            self._spawn(self._sweep())

    async def _drain(self) -> None:
        me = asyncio.current_task()
        waiting = {task for task in self._tasks if task is not me}
        if waiting:
            await asyncio.wait(waiting, timeout=settings.DRAIN_SECONDS)
        for execution in tuple(self._executions.values()):
            execution.stop()
        if waiting := {task for task in waiting if not task.done()}:
            await asyncio.wait(waiting, timeout=graph_loop.STOP_SECONDS - 1)
