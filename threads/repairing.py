"""A thread that a stopped run has left half done, made fit for the next run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from access.caller import ANONYMOUS, Caller
from common import db
from common.bulk import Done, each
from common.db import Connection, Row
from common.errors import BadRequest, Conflict, NotFound
from common.jsoncodec import JsonObject
from graphs.checkpointer import saver_on
from graphs.loop import on_graph_loop
from threads.opening import config_of, graph_of, opened
from threads.queries import free_thread, has_active_run, lock_thread
from threads.tool_calls import ToolCall, answering, dangling_calls, message_lists
from threads.writing import NodeWrite, StateUpdate, apply_update, save_head

# Finished tasks of the step that was cut short are kept, the others are not done any more.
END_STEP = NodeWrite(as_node="__end__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What was wrong with a thread, and is no more."""

    tool_calls: tuple[ToolCall, ...] = ()
    """Those that have been answered as cancelled."""

    was_stuck: bool = False
    """Whether it was busy although no run was active."""


async def repair_thread(thread_id: UUID, *, caller: Caller) -> Repair:
    """Answer the tool calls that a cancelled run has left without an answer.

    The thread is then at rest: what the run was about to do is not done any more. Where no call
    dangles, its state stays as it is. Raises Conflict while a run is active, and for a thread
    that waits for an answer: its calls are not lost.
    """
    return await on_graph_loop(_repair(thread_id, caller))


async def _repair(thread_id: UUID, caller: Caller) -> Repair:
    async with db.transaction() as tx:
        thread = await lock_thread(tx, thread_id, caller=caller)
        if thread is None:
            raise NotFound(f"Thread with ID {thread_id} not found")
        if await has_active_run(tx, thread_id):
            raise Conflict(
                f"Thread {thread_id} is busy with a run. Wait for it to finish or cancel it."
            )
        if thread["is_busy"]:
            await free_thread(tx, thread_id)
        answered = await _answer_all(tx, thread_id, thread)
    return Repair(tool_calls=tuple(answered), was_stuck=thread["is_busy"])


async def _answer_all(tx: Connection, thread_id: UUID, thread: Row) -> list[ToolCall]:
    graph_id = graph_of(thread)
    if graph_id is None:
        return []
    config = config_of(thread_id, thread)
    async with opened(graph_id, config, "threads.update", saver_on(tx)) as graph:
        snapshot = await graph.aget_state(config)
        if not _dangling(snapshot.values):
            return []
        if snapshot.interrupts:
            raise Conflict(
                f"Thread {thread_id} waits for an answer, and its tool calls with it: resume it "
                "with `command`, or write their answers into its state."
            )
        ending = StateUpdate(supersteps=((END_STEP,),))
        await apply_update(graph, graph_id, config, ending)
        settled = await graph.aget_state(config)
        writing = NodeWrite(values=_answers(settled.values), as_node=_writer(graph, snapshot.next))
        update = StateUpdate(supersteps=((writing,), (END_STEP,)))
        await apply_update(graph, graph_id, config, update)
        if left := _dangling((await graph.aget_state(config)).values):
            raise BadRequest(
                f"The graph {graph_id} does not take the answer to tool call {left[0].id}: write "
                "it into the thread's state by the graph's own rules."
            )
        await save_head(tx, thread_id, graph, config)
        return _dangling(settled.values)


def _dangling(values: Any) -> list[ToolCall]:
    return [
        call for messages in message_lists(values).values() for call in dangling_calls(messages)
    ]


def _answers(values: Any) -> Any:
    written = {
        key: answering(messages)
        for key, messages in message_lists(values).items()
        if dangling_calls(messages)
    }
    return written.get("__root__", written)


def _writer(graph: Any, was_next: Iterable[str]) -> str | None:
    """Choose the node in whose name to answer: that of the tools, else one that was to come."""
    names = [*was_next, *graph.nodes]
    tools = (name for name in names if hasattr(graph.nodes[name].bound, "tools_by_name"))
    return next(tools, None) or next(iter(was_next), None)


def repair_json(repair: Repair) -> JsonObject:
    calls: Any = [{"id": call.id, "name": call.name} for call in repair.tool_calls]
    return {"tool_calls": calls, "was_stuck": repair.was_stuck}


async def repair_each(thread_ids: Iterable[UUID]) -> list[Done]:
    """Repair many threads, for whoever operates the server."""

    async def repair(thread_id: UUID) -> str:
        return repair_words(await repair_thread(thread_id, caller=ANONYMOUS))

    return await each(thread_ids, repair)


def repair_words(repair: Repair) -> str:
    parts = ["was busy without a run, and is no more"] if repair.was_stuck else []
    if names := ", ".join(call.name or call.id for call in repair.tool_calls):
        parts.append(f"has tool calls answered as cancelled: {names}")
    return "; ".join(parts) or "is well: nothing was changed"
