"""A thread's state, written through its graph's reducers, on the graph loop."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langgraph.types import StateUpdate as Write

from access.caller import Caller
from common import db
from common.db import Connection, Row
from common.errors import ApiError, BadRequest, Conflict, NotFound
from common.jsoncodec import Json, JsonObject
from graphs.checkpointer import saver_on
from graphs.loop import on_graph_loop
from graphs.serde import checkpoint_json, command_for, pending_interrupts, values_of
from threads.opening import config_of, graph_of, opened
from threads.queries import (
    NewThread,
    get_thread,
    insert_thread,
    lock_thread,
    save_state,
    tell_written,
)

logger = logging.getLogger(__name__)

COPY = "__copy__"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeWrite:
    """What is written as if a node had."""

    values: Json = None
    command: JsonObject | None = None
    """`{update?, goto?}` in place of values."""
    as_node: str | None = None
    """None is the node that wrote last. `__input__`, `__end__` and `__copy__` are LangGraph's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateUpdate:
    """What a client writes into a thread's state."""

    supersteps: tuple[tuple[NodeWrite, ...], ...]
    """Each makes a checkpoint, one after the other."""
    checkpoint: JsonObject | None = None
    """Where to fork from; None is the newest."""


async def update_state(thread_id: UUID, update: StateUpdate, *, caller: Caller) -> JsonObject:
    """Write values into a thread's state through its reducers; returns the new checkpoint.

    The thread is locked meanwhile, so that no run begins on the old state. Raises Conflict
    while a run is active, and BadRequest for what the graph refuses.
    """
    # All of it happens on the graph loop: an update that waits for a blocking node holds none
    # of the connections that other requests need.
    return await on_graph_loop(_update(thread_id, update, caller))


async def create_thread_with(new: NewThread, update: StateUpdate, *, caller: Caller) -> Row | None:
    """Write a thread with a history, whole or not at all; None when its id is taken.

    Its metadata names the graph whose reducers make the history.
    """
    return await on_graph_loop(_create(new, update, caller))


async def refresh_row(thread_id: UUID, *, caller: Caller) -> None:
    """Write what the newest checkpoint says into the row of a thread upon which nothing runs.

    A row whose graph cannot be opened stays as it is.
    """
    await on_graph_loop(_refresh(thread_id, caller))


async def _update(thread_id: UUID, update: StateUpdate, caller: Caller) -> JsonObject:
    async with db.transaction() as tx:
        thread = await lock_thread(tx, thread_id, caller=caller)
        if thread is None:
            raise NotFound(f"Thread with ID {thread_id} not found")
        if thread["is_busy"]:
            raise Conflict(
                f"Thread {thread_id} is busy with a run. Wait for it to finish or cancel it."
            )
        checkpoint = await _write(tx, thread_id, thread, update)
        await tell_written(tx, thread_id)
    return {
        "checkpoint": checkpoint,
        "configurable": checkpoint,
        "checkpoint_id": checkpoint["checkpoint_id"],
    }


async def _create(new: NewThread, update: StateUpdate, caller: Caller) -> Row | None:
    async with db.transaction() as tx:
        thread = await insert_thread(tx, new)
        if thread is None:
            return None
        await _write(tx, new.thread_id, thread, update)
    return await get_thread(new.thread_id, caller=caller)


async def _refresh(thread_id: UUID, caller: Caller) -> None:
    async with db.transaction() as tx:
        thread = await lock_thread(tx, thread_id, caller=caller)
        if thread is None or thread["is_busy"]:
            return
        graph_id = graph_of(thread)
        if graph_id is None:
            return
        config = config_of(thread_id, thread)
        try:
            async with opened(graph_id, config, "threads.read", saver_on(tx)) as graph:
                await save_head(tx, thread_id, graph, config)
        except db.UNREACHABLE:
            raise
        # The user's factory and reducers raise what they like.
        except Exception as exc:
            logger.info("state unreadable", exc_info=exc, extra={"thread_id": str(thread_id)})


async def _write(tx: Connection, thread_id: UUID, thread: Row, update: StateUpdate) -> JsonObject:
    """Write into the locked thread's state and row; returns the new checkpoint's keys."""
    graph_id = graph_of(thread)
    if graph_id is None:
        raise BadRequest(
            f"Thread {thread_id} has no graph yet. Run one on it, or create the thread "
            "with metadata.graph_id."
        )
    config = config_of(thread_id, thread, update.checkpoint)
    async with opened(graph_id, config, "threads.update", saver_on(tx)) as graph:
        await _require_checkpoint(graph, config)
        written = await apply_update(graph, graph_id, config, update)
        await save_head(tx, thread_id, graph, config_of(thread_id, thread))
    checkpoint: JsonObject = checkpoint_json(written)
    return checkpoint


async def apply_update(graph: Any, graph_id: str, config: Any, update: StateUpdate) -> Any:
    """Write into the state of a locked thread; raises BadRequest for what the graph refuses."""
    try:
        steps = [[_as_write(graph, write) for write in step] for step in update.supersteps]
        return await graph.abulk_update_state(config, steps)
    except (*db.UNREACHABLE, ApiError):
        raise
    # The user's reducers and conditional edges raise what they like.
    except Exception as exc:
        told = f"The graph {graph_id} refuses this update: {type(exc).__name__}: {exc}"
        raise BadRequest(told) from exc


def _as_write(graph: Any, write: NodeWrite) -> Write:
    values: Any = write.values
    if write.command:
        values = command_for(graph, write.command)
    return Write(values=values, as_node=write.as_node)


async def save_head(tx: Connection, thread_id: UUID, graph: Any, newest: Any) -> None:
    """Write the newest state into the thread's row, when there is one."""
    snapshot = await graph.aget_state(newest)
    if snapshot.created_at is None:
        return
    await save_state(
        tx,
        thread_id,
        values=values_of(snapshot.values),
        interrupts=pending_interrupts(snapshot),
        status="interrupted" if snapshot.next else "idle",
    )


async def _require_checkpoint(graph: Any, config: Any) -> None:
    """Raise NotFound when the checkpoint to fork from is not there: LangGraph would begin anew."""
    wanted = config["configurable"].get("checkpoint_id")
    if wanted and not (await graph.aget_state(config)).created_at:
        raise NotFound(f"Checkpoint {wanted} not found")
