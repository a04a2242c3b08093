"""Drives one attempt of a run: graph → events → outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import UnknownInterruptError
from langgraph.runtime import RunControl

from access.caller import ANONYMOUS, Caller
from common import jsoncodec
from common.jsoncodec import JsonObject, RawJson
from graphs.group_commit import RunOver
from graphs.run_saver import RunSaver, open_run_saver
from graphs.runtime import open_graph
from graphs.serde import command_for
from graphs.streaming import stream_into
from runs.engine.configuring import ASKED_FOR, graph_config, readable, usable_context
from runs.engine.errors import error_json
from runs.engine.heads import has_checkpoint, is_told_whole, read_head, was_answered
from runs.engine.modes import Translator, graph_modes, translated_event
from runs.engine.observing import told_steps
from runs.engine.queries import Outcome, ThreadHead, fence_of
from runs.events.log import Writer
from runs.models import RunStatus
from runs.spec import ClaimedRun
from store.backend import open_store

logger = logging.getLogger(__name__)

# A node that swallows its cancellation is asked again this often.
INSIST_SECONDS = 1.0
# A graph that goes on after it was cancelled is given this long.
ABANDON_SECONDS = 10.0


class Execution:
    """One attempt being executed on the graph loop."""

    def __init__(
        self,
        run: ClaimedRun,
        events: Writer,
        is_sure: Callable[[], bool] = lambda: True,
        caller: Caller = ANONYMOUS,
    ) -> None:
        self.run = run
        self.events = events
        self.is_stopped = False
        self.is_lost = False
        """Whether another attempt has the run: this one is not heard any more."""
        self.is_refused = False
        """Whether the graph refused a resume before it did anything."""
        self.output: bytes | None = None
        self._is_sure = is_sure
        self._unsaid: list[tuple[str, bytes]] = []
        self._values: tuple[object, bytes] = None, b""
        """What was streamed of the root's values last, and its JSON."""
        self._caller = caller
        self._kwargs: dict[str, Any] = {**ASKED_FOR, **run.kwargs}
        self._translator: Translator | None = None
        self._goes_on = False
        """Whether an earlier attempt has left checkpoints, from which this one goes on."""
        self._is_done = False
        """Whether an earlier attempt came to its end, and only its record is missing."""
        self._is_told_whole = False
        """Whether the values that the graph streams are all that its checkpoints have."""
        self._drive: asyncio.Task[None] | None = None
        self._control = RunControl()
        self._saver: RunSaver | None = None
        self._stop_again_at = 0.0
        self._abandoned: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def stop(self) -> None:
        """Cancel the graph; the outcome tells what it had done by then.

        A graph that swallows its cancellation is asked again, and abandoned after a while. Not
        at once: a second cancel cuts short LangGraph's wait for the checkpoints being written.
        """
        loop = asyncio.get_running_loop()
        if not self.is_stopped:
            self.is_stopped = True
            # A node that swallows its cancellation is the last.
            self._control.request_drain("cancelled")
            loop.call_later(ABANDON_SECONDS, self._abandon)
        if self._drive is not None and loop.time() >= self._stop_again_at:
            self._stop_again_at = loop.time() + INSIST_SECONDS / 2
            self._drive.cancel()

    def was_stopped(self) -> bool:
        return self.is_stopped

    def _abandon(self) -> None:
        if not self._abandoned.done():
            self._abandoned.set_result(None)

    async def execute(self) -> Outcome:
        """Run the graph to its end, its error, its timeout, or until it is stopped."""
        try:
            return await self._executed()
        # What a graph leaves behind may yet fail to be read or written.
        except Exception as exc:
            logger.exception("run unfinished", extra={"run_id": str(self.run.run_id)})
            return self.failed(exc)

    def failed(self, failure: Exception) -> Outcome:
        """Return the outcome of an attempt whose own outcome cannot be kept."""
        error = error_json(failure)
        self.output = jsoncodec.dumps({"__error__": error})
        return Outcome(status=RunStatus.ERROR, error=error, head=None, output=self.output)

    async def _executed(self) -> Outcome:
        metadata = {"run_id": str(self.run.run_id), "attempt": self.run.attempt}
        self._publish("metadata", metadata)
        kwargs = readable(self.run, self._kwargs)
        self._translator = Translator(kwargs["stream_mode"], subgraphs=kwargs["subgraphs"])
        status, error = await self._driven()
        if self._saver is not None:
            await self._saver.close(ABANDON_SECONDS)
        if error is not None:
            self._publish("error", error)
        told = self._told(error)
        head = await self._head(status, told)
        left = None if head is None else head.values
        self.output = told or jsoncodec.dumps({} if left is None else left)
        return Outcome(
            status=status,
            error=error,
            head=head,
            output=self.output,
            leaves_thread=self.is_refused,
        )

    def _told(self, error: JsonObject | None) -> bytes | None:
        """Return what the run came to, as its stream has told it."""
        if error is not None:
            return jsoncodec.dumps({"__error__": error})
        output = self._translator and self._translator.output
        if output is None:
            return None
        last, data = self._values
        return data if last is output else jsoncodec.dumps(output)

    async def _head(self, status: str, told: bytes | None) -> ThreadHead | None:
        """Return what the run has left on its thread: what was told, or else what is stored."""
        if self.run.is_temporary or self.is_refused:
            return None
        translator = self._translator
        is_at_rest = translator is not None and translator.is_at_rest
        if status == RunStatus.SUCCESS and told and is_at_rest and self._is_told_whole:
            return ThreadHead(values=RawJson(told), interrupts={}, has_next=False)
        return await read_head(self.run)

    async def _driven(self) -> tuple[str, JsonObject | None]:
        if not self.run.is_temporary:
            waits = self._kwargs["durability"] == "sync"
            self._saver = await open_run_saver(
                fence_of(self.run), waits=waits, is_first=self.run.is_first
            )
        if self.was_stopped():
            return RunStatus.INTERRUPTED, None
        self._drive = asyncio.create_task(self._run_graph())
        self._drive.add_done_callback(_seen)
        deadline = settings.RUN_TIMEOUT_SECONDS
        left = max(0.0, deadline - self.run.elapsed_seconds)
        ended = {self._drive, self._abandoned}
        done, _ = await asyncio.wait(ended, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            self._drive.cancel()
            await asyncio.wait({self._drive}, timeout=ABANDON_SECONDS)
            message = f"The run took longer than {deadline:g} seconds (RUN_TIMEOUT_SECONDS)."
            return RunStatus.TIMEOUT, {"error": "TimeoutError", "message": message}
        if self.was_stopped() or self._drive.cancelled():
            return RunStatus.INTERRUPTED, None
        failure = self._drive.exception()
        if failure is None:
            return RunStatus.SUCCESS, None
        if isinstance(failure, RunOver):
            self.is_lost = True
            return RunStatus.INTERRUPTED, None
        self.is_refused = self.run.is_strict and isinstance(failure, UnknownInterruptError)
        return RunStatus.ERROR, error_json(failure)

    async def _run_graph(self) -> None:
        run = self.run
        try:
            with told_steps(run) as callbacks:
                await self._run_open(callbacks)
        except Exception as exc:
            if not self.is_stopped:
                logger.info("run failed", exc_info=exc, extra={"run_id": str(run.run_id)})
            raise

    async def _run_open(self, callbacks: list[Any]) -> None:
        run, saver = self.run, self._saver or InMemorySaver()
        async with (
            self._saver.kept() if self._saver else nullcontext(),
            open_graph(
                run.graph_id,
                graph_config(run, self._caller),
                access="threads.create_run",
                checkpointer=saver,
                store=await open_store(),
                context=run.kwargs.get("context") or None,
                user=self._caller.user,
            ) as graph,
        ):
            self._is_told_whole = is_told_whole(graph)
            graph_input = await self._input(graph, saver)
            if not self._is_done:
                await self._stream(graph, graph_input, callbacks)

    async def _input(self, graph: Any, saver: Any) -> Any:
        """Return what the graph is given: None when an earlier attempt has got somewhere."""
        self._goes_on = not self.run.is_fresh and await has_checkpoint(saver, self.run)
        if self._goes_on:
            return None
        command = self._kwargs["command"]
        if command and "resume" in command:
            if not self.run.is_fresh and await was_answered(graph, self.run):
                self._is_done = True
            elif self.run.is_strict:
                await self._require_waiting(graph)
        return command_for(graph, command) if command else self._kwargs["input"]

    async def _require_waiting(self, graph: Any) -> None:
        """Raise UnknownInterruptError on a thread where nothing waits: LangGraph lets that pass."""
        config: Any = graph_config(self.run, self._caller)
        if not (await graph.aget_state(config)).next:
            raise UnknownInterruptError(
                "Nothing waits for an answer on this thread: it has come to its end, or has not "
                "begun.",
                reason="not_pending",
            )

    async def _stream(self, graph: Any, graph_input: Any, callbacks: list[Any]) -> None:
        kwargs = self._kwargs
        options = {
            "interrupt_before": kwargs["interrupt_before"],
            "interrupt_after": kwargs["interrupt_after"],
            "durability": None if self.run.is_temporary else kwargs["durability"],
            "context": usable_context(graph, kwargs["context"]),
            "control": self._control,
        }
        modes = graph_modes(kwargs["stream_mode"])
        config = graph_config(self.run, self._caller, goes_on=self._goes_on)
        config["callbacks"] = callbacks
        if "events" not in kwargs["stream_mode"]:
            await stream_into(self._hear, graph, graph_input, config, modes=modes, **options)
            return
        options |= {"stream_mode": modes, "subgraphs": True}
        stream = graph.astream_events(graph_input, config, version="v2", **options)
        async for told in stream:
            if told["event"] == "on_chain_stream" and told["run_id"] == str(self.run.run_id):
                self._hear(*told["data"]["chunk"])
            translated = translated_event(told)
            if translated is not None:
                self._publish(*translated)

    def _hear(self, namespace: tuple[str, ...], mode: str, payload: Any) -> None:
        assert self._translator is not None, "it was made before the graph was opened"
        for event in self._translator.translate(namespace, mode, payload):
            self._publish(*event)

    def _publish(self, name: str, payload: object) -> None:
        data = jsoncodec.dumps(payload)
        if name == "values":
            self._values = payload, data
        self._unsaid.append((name, data))
        self.say_what_is_sure()

    def say_what_is_sure(self) -> None:
        """Announce what there is to say, unless another attempt may have the run by now.

        What is not said yet is said once the lease is seen to hold, or with the outcome.
        """
        if self._is_sure() and not self.is_lost:
            self.say()

    @property
    def has_unsaid(self) -> bool:
        return bool(self._unsaid)

    def say(self) -> None:
        unsaid, self._unsaid = self._unsaid, []
        if unsaid:
            self.events.publish(unsaid)


def _seen(drive: asyncio.Task[None]) -> None:
    """Look at how a graph ended that nobody may ask for: it was stopped, or given up."""
    if not drive.cancelled():
        drive.exception()
