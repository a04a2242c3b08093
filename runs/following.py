"""A run's events as a client's stream: frames, heartbeats, and what a hang-up does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from access.caller import Caller
from common import jsoncodec
from common.sse import HEARTBEAT, StreamEvent, encode_sse
from common.stopping import is_stopping
from runs import metrics
from runs.cancellation import cancel_runs
from runs.engine.slots import lent
from runs.events.current import current_log
from runs.events.log import ReaderTooSlow
from runs.queries import run_result

logger = logging.getLogger(__name__)


_hang_ups: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """One client that follows one run."""

    run_id: UUID
    thread_id: UUID
    caller: Caller
    cancel_on_disconnect: bool = False

    async def frames(
        self, *, after: str | None, modes: Sequence[str] | None, with_ids: bool
    ) -> AsyncIterator[bytes]:
        """Yield SSE frames until the run has settled."""
        log, seconds = current_log(), settings.STREAM_HEARTBEAT_SECONDS
        # A run of this process that waits for another makes room for it.
        with self._followed(), lent():
            async for batch in log.follow(self.run_id, after=after, idle_seconds=seconds):
                if frames := _frames(batch, modes, with_ids=with_ids):
                    yield frames

    async def output(self) -> AsyncIterator[bytes]:
        """Yield newlines while the run goes on, then what it has come to, as JSON."""
        with self._followed():
            # Daphne keeps back the headers, and so where the run is, until there is a body.
            yield b""
            async for _ in self._silences():
                yield b"\n"
        yield await self._result()

    @contextmanager
    def _followed(self) -> Iterator[None]:
        """Hang up when the block is left before its end, as by a client that goes."""
        ended = False
        try:
            yield
            ended = True
        except ReaderTooSlow:
            # Its connection goes, never the run: the client did not leave, and may come back.
            ended = True
            metrics.DROPPED.inc()
            logger.warning("reader too slow", extra={"run_id": str(self.run_id)})
        finally:
            if not ended:
                self._hang_up()

    async def ended(self) -> None:
        """Return when the run has settled."""
        async for _ in self._silences():
            pass

    async def _silences(self) -> AsyncIterator[None]:
        """Yield now and then until the run has settled."""
        with lent():
            log, seconds = current_log(), settings.STREAM_HEARTBEAT_SECONDS
            async for _ in log.silences(self.run_id, seconds=seconds):
                yield

    async def _result(self) -> bytes:
        log = current_log()
        if (here := log.output_here(self.run_id)) is not None:
            return here
        result = await run_result(self.run_id)
        if result is None:
            return await log.output(self.run_id) or b"{}"
        if result["error"] is not None:
            return jsoncodec.dumps({"__error__": result["error"]})
        return jsoncodec.dumps(with_interrupts(result["values"], result["interrupts"]))

    def _hang_up(self) -> None:
        # A server that stops hangs up too; its runs go on, here or elsewhere.
        if not self.cancel_on_disconnect or is_stopping():
            return
        task = asyncio.get_running_loop().create_task(self._cancel())
        _hang_ups.add(task)
        task.add_done_callback(_hang_ups.discard)

    async def _cancel(self) -> None:
        await cancel_runs(
            [self.run_id], thread_id=self.thread_id, action="interrupt", caller=self.caller
        )


def with_interrupts(values: jsoncodec.RawJson | None, interrupts: jsoncodec.RawJson) -> object:
    """Return a thread's values, with its pending interrupts as a stream shows them."""
    if values is None:
        return {}
    pending = interrupts.parse()
    if not pending or not isinstance(pending, dict):
        return values
    parsed = values.parse()
    flat = [item for items in pending.values() if isinstance(items, list) for item in items]
    return {**parsed, "__interrupt__": flat} if isinstance(parsed, dict) else parsed


def _frames(batch: Sequence[StreamEvent], modes: Sequence[str] | None, *, with_ids: bool) -> bytes:
    """Return what a client gets of a batch; an empty one is a silence."""
    if not batch:
        return HEARTBEAT
    chosen = [event for event in batch if _is_chosen(event, modes)]
    return b"".join(encode_sse(event, with_id=with_ids) for event in chosen)


def _is_chosen(event: StreamEvent, modes: Sequence[str] | None) -> bool:
    """Tell whether a client that asked for `modes` gets an event; the frame's own always."""
    if not modes:
        return True
    base = event.event.split("|", 1)[0]
    if base in ("metadata", "error"):
        return True
    family = base.split("/", 1)[0]
    return base in modes or family in modes or (base == "messages" and "messages-tuple" in modes)
