"""Finds the runs of processes that are gone, and mends what they have left."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from common import db
from common.jsoncodec import JsonObject
from runs import metrics
from runs.engine import claim_queries
from runs.engine.claim_queries import Lost
from runs.engine.heads import read_head
from runs.engine.queries import Outcome
from runs.models import RunStatus
from runs.spec import ClaimedRun

logger = logging.getLogger(__name__)

# Processes need this long to take their locks again after the database restarted.
RELOCK_SECONDS = 2.0
# Looking through all threads costs more than looking through the runs that are active.
THREADS_SECONDS = 60.0


class Sweeping:
    """What one process does for those that cannot do it themselves any more."""

    def __init__(
        self,
        process_number: int,
        executing: Collection[UUID],
        settle: Callable[[ClaimedRun, Outcome], Awaitable[None]],
    ) -> None:
        self._process_number = process_number
        self._executing = executing
        self._settle = settle
        self._lock = asyncio.Lock()
        self._unlocked_since: dict[int, float] = {}
        self._threads_at = 0.0

    async def sweep(self) -> bool:
        """Put back or settle lost runs; True when it is worthwhile to look again soon."""
        async with self._lock:
            lost = await self._lost()
            await self._put_back(lost)
            taken = await claim_queries.take_over(
                lost,
                claimed_by=self._process_number,
                lease_seconds=settings.RUN_LEASE_SECONDS,
            )
            for run in taken:
                try:
                    await self._end(run)
                except db.UNREACHABLE:
                    raise
                # What one run has left behind does not keep the others waiting.
                except Exception:
                    logger.exception("lost run unsettled", extra={"run_id": str(run.run_id)})
            if time.monotonic() - self._threads_at > THREADS_SECONDS:
                self._threads_at = time.monotonic()
                for thread_id in await claim_queries.free_stuck_threads():
                    logger.warning("thread was stuck", extra={"thread_id": str(thread_id)})
            return bool(self._unlocked_since)

    async def _lost(self) -> Lost:
        """Say what is lost: what ran out, and what a process has that does not come back."""
        now, unlocked = time.monotonic(), await claim_queries.unlocked_processes()
        since = self._unlocked_since
        self._unlocked_since = {number: since.get(number, now) for number in unlocked}
        gone = [
            number
            for number, at in self._unlocked_since.items()
            if now - at >= RELOCK_SECONDS and number != self._process_number
        ]
        return Lost(
            executing=tuple(self._executing),
            gone=gone,
            max_attempts=settings.RUN_MAX_ATTEMPTS,
        )

    async def _put_back(self, lost: Lost) -> None:
        for row in await claim_queries.put_back(lost):
            metrics.LOST.inc()
            told = {"run_id": str(row["run_id"]), "attempt": row["attempt"]}
            logger.warning("run lost its process: tried again", extra=told)

    async def _end(self, run: ClaimedRun) -> None:
        """Settle a lost run that is not tried again: it was cancelled, or lost too often."""
        status = RunStatus.INTERRUPTED if run.cancel_action else RunStatus.ERROR
        error = None if run.cancel_action else _lost_too_often()
        metrics.LOST.inc()
        logger.warning(
            "run lost its process: settled", extra={"run_id": str(run.run_id), "status": status}
        )
        head = None if run.is_temporary else await read_head(run)
        outcome = Outcome(status=status, error=error, head=head)
        try:
            await self._settle(run, outcome)
        except db.UNSTORABLE:
            await self._settle(run, replace(outcome, head=None))


def _lost_too_often() -> JsonObject:
    times = settings.RUN_MAX_ATTEMPTS
    how_often = "" if times == 1 else f", {times} times (RUN_MAX_ATTEMPTS)"
    return {
        "error": "ServerStopped",
        "message": f"The server stopped while this run was executing{how_often}. Its thread is as "
        "of its last checkpoint; a run with `input: null` goes on from there.",
    }
