"""Claims pending runs for the free slots of this process, whoever wrote them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from uuid import UUID

from django.conf import settings
from psycopg.errors import UniqueViolation

from common import db
from graphs.registry import run_limits
from runs import metrics
from runs.engine import claim_queries
from runs.engine.claim_queries import Claim, Claimed
from runs.engine.limit_queries import claim_limited_runs
from runs.engine.slots import Slots
from runs.spec import ClaimedRun

logger = logging.getLogger(__name__)

# Pending runs are claimed so many at a time: the other slots are for runs that begin here.
CLAIM_AT_ONCE = 10


class Claiming:
    """One task of the graph loop, which claims when it is woken; one statement at a time.

    However many wake it meanwhile, it looks once more: a thousand notices are not a thousand
    statements.
    """

    def __init__(
        self,
        slots: Slots,
        process_number: int,
        start: Callable[[ClaimedRun], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._slots = slots
        self._process_number = process_number
        self._start = start
        self._loop = loop
        self._limits = run_limits()
        self._limited: set[UUID] = set()
        """The assistants that were seen to have a limit while runs of theirs waited."""
        self._limited_wait = False
        self._call = asyncio.Event()
        self._has_backlog = False
        """Whether a run may be pending that no other run's end will claim."""
        self._is_closed = False
        self._due_timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Claim nothing more; from any thread."""
        self._is_closed = True
        self.wake()

    def take_slots(self, wanted: int) -> int:
        return 0 if self._is_closed else self._slots.take(wanted)

    def wake(self, due_in_seconds: float = 0.0) -> None:
        """Look for pending runs, now or once one is due; from any thread."""
        if due_in_seconds > 0:
            self._loop.call_soon_threadsafe(self._look_later, due_in_seconds)
        else:
            self._loop.call_soon_threadsafe(self.look)

    def look_again(self) -> None:
        """Look for whatever was not heard of; from any thread."""
        self._loop.call_soon_threadsafe(self._forget_due)
        self.wake()

    def slot_freed(self) -> None:
        """Look again when runs may wait for a slot; on the graph loop."""
        if self._has_backlog:
            self._call.set()

    async def go_on(self) -> None:
        """Claim whenever woken, until closed; nothing that goes wrong ends it."""
        while not self._is_closed:
            await self._call.wait()
            self._call.clear()
            try:
                await self._claim()
            except db.UNREACHABLE as exc:
                # The next beat looks again.
                logger.warning("claim failed: %s", exc)
            except Exception:
                logger.exception("claim failed")

    def look(self) -> None:
        """Look for pending runs; on the graph loop."""
        self._has_backlog = True
        self._call.set()

    def is_limited(self, run: ClaimedRun) -> bool:
        """Tell whether the end of a run may make room for another."""
        return run.graph_id in self._limits or run.assistant_id in self._limited

    async def _claimed(self, limit: int) -> Claimed:
        claim = Claim(
            claimed_by=self._process_number,
            lease_seconds=settings.RUN_LEASE_SECONDS,
            limit=limit,
        )
        if not (self._limits or self._limited_wait):
            got = await claim_queries.claim_runs(claim)
            if not got.limited:
                return got
        got = await claim_limited_runs(claim, self._limits)
        self._limited |= got.limited
        self._limited_wait = bool(got.limited)
        return got

    def _look_later(self, seconds: float) -> None:
        """Look when the next delayed run is due; that moment is the database's to say."""
        at = self._loop.time() + seconds
        if self._due_timer is not None and self._due_timer.when() <= at:
            return
        self._forget_due()
        self._due_timer = self._loop.call_at(at, self._look_at_due)

    def _forget_due(self) -> None:
        if self._due_timer is not None:
            self._due_timer.cancel()
            self._due_timer = None

    def _look_at_due(self) -> None:
        self._due_timer = None
        self.look()

    async def _claim(self) -> None:
        """Claim for free slots, until none is pending or no slot is free."""
        while self._has_backlog and (taken := self.take_slots(CLAIM_AT_ONCE)):
            self._has_backlog = False
            claimed: Sequence[ClaimedRun] = ()
            try:
                got = await self._claimed(taken)
                claimed, self._has_backlog = got.runs, self._has_backlog or got.may_be_more
            except UniqueViolation:
                # Another process claimed a run of the same thread: look again.
                self._has_backlog = True
            except BaseException:
                self._has_backlog = True
                raise
            finally:
                self._slots.give_back(taken - len(claimed))
            for run in claimed:
                if run.attempt == 1:
                    metrics.WAITED.observe(run.waited_seconds)
                self._start(run)
        if self._due_timer is None and (seconds := await claim_queries.due_in_seconds()):
            self._look_later(seconds)
