"""What happens on a thread as one stream: its runs one after the other, and writes of its state."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from common import jsoncodec
from common.sse import HEARTBEAT, StreamEvent, encode_sse
from runs import metrics
from runs.events.current import current_log
from runs.events.ids import last_number_at, milliseconds_of, number_of, wire_id
from runs.events.log import ReaderTooSlow
from runs.events.watching import Watch
from runs.thread_queries import BegunRun, database_ms, next_begun, thread_state

logger = logging.getLogger(__name__)

THREAD_MODES = ("run_modes", "lifecycle", "state_update")
MILLISECOND = 1000


async def moment_of(after: str | None) -> int:
    """Return, by the database's clock, from when on runs count that had not ended.

    To be asked before the client is answered: it may begin a run as soon as it is.
    """
    if after is None:
        return await database_ms()
    kept = await database_ms() - int(settings.EVENT_RETENTION_SECONDS * MILLISECOND)
    return kept if after == "-1" else milliseconds_of(number_of(after))


@dataclass(slots=True, kw_only=True)
class ThreadFollowing:
    """One client that follows a thread."""

    thread_id: UUID
    modes: Collection[str]
    """Some of THREAD_MODES."""
    after: str | None
    """The id of a frame, `-1` for all that is kept, or None for what comes."""
    since_ms: int
    """What `moment_of` has told."""
    run: BegunRun | None = None
    """The run that was told of last."""

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield SSE frames, each with its id, for as long as the client stays."""
        try:
            async for event in self._events():
                yield encode_sse(event, with_id=True) if event else HEARTBEAT
        except ReaderTooSlow:
            metrics.DROPPED.inc()
            logger.warning("reader too slow", extra={"thread_id": str(self.thread_id)})

    async def _events(self) -> AsyncIterator[StreamEvent | None]:
        """Yield events, and None for each silence."""
        with current_log().watches.watching(self.thread_id) as watch:
            while True:
                async for event in self._next(watch):
                    yield event

    async def _next(self, watch: Watch) -> AsyncIterator[StreamEvent | None]:
        """Yield what a write or the next run has to tell, or wait until there is any."""
        watch.rearm()
        if watch.take_written() and (event := await self._state()):
            yield event
        begun = await next_begun(self.thread_id, since_ms=self.since_ms, after=self.run)
        if begun is not None:
            self.run = begun
            async for said in self._said(begun):
                yield said
        elif not await watch.woken(settings.STREAM_HEARTBEAT_SECONDS):
            yield None

    async def _said(self, run: BegunRun) -> AsyncIterator[StreamEvent | None]:
        """Yield what a run says, to its end, and that it is done."""
        # Ids rise from run to run: what began later is wanted whole.
        is_later = int(run.started_at.timestamp() * MILLISECOND) > self.since_ms
        begin = "-1" if is_later else self.after
        log, heartbeat = current_log(), settings.STREAM_HEARTBEAT_SECONDS
        async for batch in log.follow(run.run_id, after=begin, idle_seconds=heartbeat):
            if not batch:
                yield None
            for event in filter(self._is_wanted, batch):
                yield event
        last = await log.last(run.run_id)
        is_told = begin not in (None, "-1") and last and number_of(str(begin)) > last[1]
        if last and not is_told and not set(self.modes).isdisjoint(("run_modes", "lifecycle")):
            yield StreamEvent(
                id=wire_id(last[1] + 1),
                event="metadata",
                data=jsoncodec.dumps({"status": "run_done", "run_id": str(run.run_id)}),
            )

    def _is_wanted(self, event: StreamEvent) -> bool:
        is_lifecycle = event.event == "metadata" and "lifecycle" in self.modes
        return is_lifecycle or "run_modes" in self.modes

    async def _state(self) -> StreamEvent | None:
        if "state_update" not in self.modes:
            return None
        if (found := await thread_state(self.thread_id)) is None:
            return None
        values, milliseconds = found
        state: dict[str, object] = {
            "state": {} if values is None else values,
            "thread_id": str(self.thread_id),
        }
        return StreamEvent(
            id=wire_id(last_number_at(milliseconds)),
            event="state_update",
            data=jsoncodec.dumps(state),
        )
