"""A thread's state, read and written through the checkpointer, on the graph loop."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langgraph.checkpoint.base import BaseCheckpointSaver

from access.caller import Caller
from common import db
from common.db import Row
from common.errors import BadRequest, Conflict, NotFound
from common.jsoncodec import Json, JsonObject
from graphs.checkpointer import open_saver, saver_on
from graphs.loop import on_graph_loop
from graphs.runtime import Access, open_graph
from graphs.serde import pending_interrupts, state_json, values_of
from store.backend import open_store
from threads.queries import get_thread, lock_thread, save_state

logger = logging.getLogger(__name__)

EMPTY_STATE: JsonObject = {
    "values": {},
    "next": [],
    "tasks": [],
    "metadata": {},
    "created_at": None,
    "checkpoint": None,
    "parent_checkpoint": None,
    "interrupts": [],
    "checkpoint_id": None,
    "parent_checkpoint_id": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Which checkpoints of a thread to return, newest first."""

    limit: int = 10
    before: str | None = None
    """A checkpoint id: only older ones."""
    metadata: JsonObject | None = None
    checkpoint: JsonObject | None = None
    """Its `checkpoint_ns` selects a subgraph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateUpdate:
    """What a client writes into a thread's state, as if a node had."""

    values: Json = None
    as_node: str | None = None
    checkpoint: JsonObject | None = None
    """Where to fork from; None is the newest."""


async def get_state(
    thread_id: UUID,
    *,
    caller: Caller,
    checkpoint: JsonObject | None = None,
    subgraphs: bool = False,
) -> JsonObject:
    """Return a thread's state, newest or at a checkpoint; NotFound for either."""
    thread = await _visible(thread_id, caller)
    graph_id = _graph_id(thread)
    if graph_id is None:
        _require_no_checkpoint(checkpoint)
        return EMPTY_STATE
    state = await on_graph_loop(
        _read_state(graph_id, _config(thread_id, thread, checkpoint), subgraphs=subgraphs)
    )
    if state["checkpoint"] is None:
        _require_no_checkpoint(checkpoint)
        return EMPTY_STATE
    if checkpoint and checkpoint.get("checkpoint_id") and not state["created_at"]:
        raise NotFound(f"Checkpoint {checkpoint['checkpoint_id']} not found")
    return state


async def get_history(thread_id: UUID, query: HistoryQuery, *, caller: Caller) -> list[JsonObject]:
    """Return a thread's states, newest first; none before its first run."""
    thread = await _visible(thread_id, caller)
    graph_id = _graph_id(thread)
    if graph_id is None:
        return []
    config = _config(thread_id, thread, query.checkpoint)
    return await on_graph_loop(_read_history(graph_id, config, query))


async def update_state(thread_id: UUID, update: StateUpdate, *, caller: Caller) -> JsonObject:
    """Write values into a thread's state through its reducers; returns the new checkpoint.

    The thread is locked meanwhile, so that no run begins on the old state. Raises Conflict
    while a run is active, and BadRequest for what the graph refuses.
    """
    # All of it happens on the graph loop: an update that waits for a blocking node holds none
    # of the connections that other requests need.
    return await on_graph_loop(_update(thread_id, update, caller))


async def _update(thread_id: UUID, update: StateUpdate, caller: Caller) -> JsonObject:
    async with db.transaction() as tx:
        thread = await lock_thread(tx, thread_id, caller=caller)
        if thread is None:
            raise NotFound(f"Thread with ID {thread_id} not found")
        if thread["is_busy"]:
            raise Conflict(
                f"Thread {thread_id} is busy with a run. Wait for it to finish or cancel it."
            )
        graph_id = _graph_id(thread)
        if graph_id is None:
            raise BadRequest(
                f"Thread {thread_id} has no graph yet. Run one on it, or create the thread "
                "with metadata.graph_id."
            )
        config = _config(thread_id, thread, update.checkpoint)
        written = await _write_state(tx, graph_id, config, update)
        await save_state(
            tx,
            thread_id,
            values=written.values,
            interrupts=written.interrupts,
            status=written.status,
        )
    return {
        "checkpoint": written.checkpoint,
        "configurable": written.checkpoint,
        "checkpoint_id": written.checkpoint["checkpoint_id"],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    checkpoint: JsonObject
    values: Json
    interrupts: JsonObject
    status: str


async def _read_state(graph_id: str, config: Any, *, subgraphs: bool) -> JsonObject:
    async with _graph(graph_id, config, "threads.read", await open_saver()) as graph:
        try:
            return state_json(await graph.aget_state(config, subgraphs=subgraphs))
        # A reducer of the user's that cannot take what the last run was given.
        except Exception as exc:
            logger.info("pending writes unreadable", exc_info=exc)
            return await _read_written_state(graph, config)


async def _read_written_state(graph: Any, config: Any) -> JsonObject:
    """Return the state as of its checkpoint alone, without what is pending."""
    try:
        async for snapshot in graph.aget_state_history(config, limit=1):
            return state_json(snapshot)
    except ValueError as exc:
        raise NotFound(str(exc)) from exc
    return EMPTY_STATE


async def _read_history(graph_id: str, config: Any, query: HistoryQuery) -> list[JsonObject]:
    before: Any = query.before and {"configurable": {"checkpoint_id": query.before}}
    async with _graph(graph_id, config, "threads.read", await open_saver()) as graph:
        history = graph.aget_state_history(
            config, filter=query.metadata or None, before=before, limit=query.limit
        )
        return [state_json(snapshot) async for snapshot in history]


async def _write_state(
    tx: db.Connection, graph_id: str, config: Any, update: StateUpdate
) -> _Written:
    async with _graph(graph_id, config, "threads.update", saver_on(tx)) as graph:
        await _require_checkpoint(graph, config)
        try:
            values: Any = update.values
            for write in values if isinstance(values, list) else [values]:
                config = await graph.aupdate_state(config, write, as_node=update.as_node)
        except db.UNREACHABLE:
            raise
        # The user's reducers and conditional edges raise what they like.
        except Exception as exc:
            told = f"The graph {graph_id} refuses this update: {type(exc).__name__}: {exc}"
            raise BadRequest(told) from exc
        configurable = config["configurable"]
        newest = {"configurable": {**configurable, "checkpoint_ns": ""}}
        del newest["configurable"]["checkpoint_id"]
        snapshot = await graph.aget_state(newest)
    return _Written(
        checkpoint={
            "thread_id": configurable["thread_id"],
            "checkpoint_ns": configurable.get("checkpoint_ns", ""),
            "checkpoint_id": configurable["checkpoint_id"],
        },
        values=values_of(snapshot.values),
        interrupts=pending_interrupts(snapshot),
        status="interrupted" if snapshot.next else "idle",
    )


@asynccontextmanager
async def _graph(
    graph_id: str, config: Any, access: Access, saver: BaseCheckpointSaver[Any]
) -> AsyncIterator[Any]:
    """Open the graph with this loop's store."""
    async with open_graph(
        graph_id,
        config,
        access=access,
        checkpointer=saver,
        store=await open_store(),
    ) as graph:
        yield graph


async def _require_checkpoint(graph: Any, config: Any) -> None:
    """Raise NotFound when the checkpoint to fork from is not there: LangGraph would begin anew."""
    wanted = config["configurable"].get("checkpoint_id")
    if wanted and not (await graph.aget_state(config)).created_at:
        raise NotFound(f"Checkpoint {wanted} not found")


async def _visible(thread_id: UUID, caller: Caller) -> Row:
    thread = await get_thread(thread_id, caller=caller)
    if thread is None:
        raise NotFound(f"Thread with ID {thread_id} not found")
    return thread


def _graph_id(thread: Row) -> str | None:
    graph_id = thread["metadata"].parse().get("graph_id")
    return graph_id if isinstance(graph_id, str) else None


def _config(thread_id: UUID, thread: Row, checkpoint: JsonObject | None) -> dict[str, Any]:
    metadata = thread["metadata"].parse()
    named = {
        key: metadata[key]
        for key in ("graph_id", "assistant_id")
        if isinstance(metadata.get(key), str)
    }
    asked = {
        key: value
        for key, value in (checkpoint or {}).items()
        if key in ("checkpoint_id", "checkpoint_ns", "checkpoint_map") and value is not None
    }
    configurable = thread["config"].parse().get("configurable") or {}
    return {
        "configurable": {
            **configurable,
            **named,
            "checkpoint_ns": "",
            **asked,
            "thread_id": str(thread_id),
        }
    }


def _require_no_checkpoint(checkpoint: JsonObject | None) -> None:
    if checkpoint and checkpoint.get("checkpoint_id"):
        raise NotFound(f"Checkpoint {checkpoint['checkpoint_id']} not found")
