"""A thread's state, read through the checkpointer, on the graph loop."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from access.caller import Caller
from common.db import Row
from common.errors import NotFound
from common.jsoncodec import Json, JsonObject
from graphs.checkpointer import open_saver
from graphs.loop import on_graph_loop
from graphs.serde import state_json
from threads.opening import config_of, graph_of, opened
from threads.queries import get_ground

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
Select = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateQuery:
    """Which state of a thread to return, and what of it."""

    checkpoint: JsonObject | None = None
    """None is the newest."""
    subgraphs: bool = False
    select: Select = ()
    """Fields, and keys of the values as `values.<key>`; none selects all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Which checkpoints of a thread to return, newest first."""

    limit: int = 10
    before: str | None = None
    """A checkpoint id: only older ones."""
    metadata: JsonObject | None = None
    checkpoint: JsonObject | None = None
    """Its `checkpoint_ns` selects a subgraph."""
    select: Select = ()


async def get_state(thread_id: UUID, query: StateQuery, *, caller: Caller) -> JsonObject:
    """Return a thread's state, newest or at a checkpoint; NotFound for either."""
    return selected(await _state(thread_id, query, caller), query.select)


async def _state(thread_id: UUID, query: StateQuery, caller: Caller) -> JsonObject:
    thread = await _visible(thread_id, caller)
    graph_id, checkpoint = graph_of(thread), query.checkpoint
    if graph_id is None:
        _require_no_checkpoint(checkpoint)
        return EMPTY_STATE
    config = config_of(thread_id, thread, checkpoint)
    state = await on_graph_loop(_read_state(graph_id, config, subgraphs=query.subgraphs))
    if state["checkpoint"] is None:
        _require_no_checkpoint(checkpoint)
        return EMPTY_STATE
    if checkpoint and checkpoint.get("checkpoint_id") and not state["created_at"]:
        raise NotFound(f"Checkpoint {checkpoint['checkpoint_id']} not found")
    return state


async def get_history(thread_id: UUID, query: HistoryQuery, *, caller: Caller) -> list[JsonObject]:
    """Return a thread's states, newest first; none before its first run."""
    thread = await _visible(thread_id, caller)
    graph_id = graph_of(thread)
    if graph_id is None:
        return []
    config = config_of(thread_id, thread, query.checkpoint)
    states = await on_graph_loop(_read_history(graph_id, config, query))
    return [selected(state, query.select) for state in states]


def selected(state: JsonObject, select: Select) -> JsonObject:
    """Keep the selected fields of a state, and of its values the selected keys."""
    if not select:
        return state
    kept = {name: value for name, value in state.items() if name in select}
    keys = {name.removeprefix("values.") for name in select if name.startswith("values.")}
    if keys and "values" not in kept:
        kept["values"] = _entries(state["values"], keys)
    return kept


def _entries(values: Json, keys: set[str]) -> JsonObject:
    found = values if isinstance(values, dict) else {}
    return {key: value for key, value in found.items() if key in keys}


async def _read_state(graph_id: str, config: Any, *, subgraphs: bool) -> JsonObject:
    async with opened(graph_id, config, "threads.read", await open_saver()) as graph:
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
    before: Any = {"configurable": {"checkpoint_id": query.before}} if query.before else None
    async with opened(graph_id, config, "threads.read", await open_saver()) as graph:
        history = graph.aget_state_history(
            config, filter=query.metadata or None, before=before, limit=query.limit
        )
        return [state_json(snapshot) async for snapshot in history]


async def _visible(thread_id: UUID, caller: Caller) -> Row:
    thread = await get_ground(thread_id, caller=caller)
    if thread is None:
        raise NotFound(f"Thread with ID {thread_id} not found")
    return thread


def _require_no_checkpoint(checkpoint: JsonObject | None) -> None:
    if checkpoint and checkpoint.get("checkpoint_id"):
        raise NotFound(f"Checkpoint {checkpoint['checkpoint_id']} not found")
