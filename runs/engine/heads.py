"""What the newest checkpoint of a thread says."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import UUID

from langgraph.channels import BinaryOperatorAggregate, LastValue
from langgraph.types import StateSnapshot

from common import db
from graphs.checkpointer import open_saver
from graphs.loader import Graph
from graphs.runtime import open_graph
from graphs.serde import pending_interrupts, values_of
from runs.engine.queries import ThreadHead
from runs.spec import ClaimedRun
from store.backend import open_store

logger = logging.getLogger(__name__)

REACH_AGAIN_SECONDS = 0.5


# What such a channel holds after the last step is what its checkpoint has.
_KEPT_AS_TOLD = (LastValue, BinaryOperatorAggregate)


def is_told_whole(graph: Graph) -> bool:
    """Tell whether the values that a graph streams are those of its checkpoints, all of them."""
    told = graph.stream_channels_asis
    names = [told] if isinstance(told, str) else told
    return all(type(graph.channels[name]) in _KEPT_AS_TOLD for name in names)


async def has_checkpoint(saver: Any, run: ClaimedRun) -> bool:
    config = {"configurable": {"thread_id": str(run.thread_id), "checkpoint_ns": ""}}
    found = await saver.aget_tuple(config)
    return found is not None and found.metadata.get("run_id") == str(run.run_id)


ASKED = "SELECT interrupts FROM thread WHERE thread_id = %s"


async def was_answered(graph: Any, run: ClaimedRun) -> bool:
    """Tell whether an earlier attempt's answer was taken, and the graph asks something else now.

    An answer leaves no checkpoint when the node that took it asks again. To give it once more
    would answer the new question with it. The thread's row tells what was asked before the run.
    """
    row = await db.fetch_one(ASKED, [run.thread_id])
    asked = _ids(row["interrupts"].parse()) if row else set()
    config: Any = {"configurable": {**thread_keys(run.thread_id), "graph_id": run.graph_id}}
    asks = _ids(pending_interrupts(await graph.aget_state(config)))
    return bool(asked and asks) and asked != asks


def _ids(interrupts: Any) -> set[str]:
    return {found["id"] for of_task in interrupts.values() for found in of_task}


async def read_head(run: ClaimedRun) -> ThreadHead | None:
    """Read what the thread's newest checkpoint says; None without one, or without the graph.

    Waits for a database that cannot be reached: a run must not settle without its values.
    """
    while True:
        try:
            return thread_head(await _head_snapshot(run))
        except db.UNREACHABLE as exc:
            logger.warning("state not reached", exc_info=exc, extra={"run_id": str(run.run_id)})
            await asyncio.sleep(REACH_AGAIN_SECONDS)
        except Exception as exc:
            logger.warning("state unreadable", exc_info=exc, extra={"run_id": str(run.run_id)})
            return None


async def _head_snapshot(run: ClaimedRun) -> StateSnapshot:
    snapshot = await _snapshot(run.thread_id, run.graph_id)
    # A run that wrote no checkpoint leaves the head to an earlier one, maybe of another graph.
    writer = str((snapshot.metadata or {}).get("graph_id", run.graph_id))
    return snapshot if writer == run.graph_id else await _snapshot(run.thread_id, writer)


async def _snapshot(thread_id: UUID, graph_id: str) -> StateSnapshot:
    config: Any = {"configurable": {**thread_keys(thread_id), "graph_id": graph_id}}
    async with open_graph(
        graph_id,
        config,
        access="threads.read",
        checkpointer=await open_saver(),
        store=await open_store(),
    ) as graph:
        snapshot: StateSnapshot = await graph.aget_state(config)
    return snapshot


def thread_keys(thread_id: UUID) -> dict[str, str]:
    return {"thread_id": str(thread_id), "checkpoint_ns": ""}


def thread_head(snapshot: StateSnapshot) -> ThreadHead | None:
    if not snapshot.config.get("configurable", {}).get("checkpoint_id"):
        return None
    values: Any = values_of(snapshot.values)
    return ThreadHead(
        values=values, interrupts=pending_interrupts(snapshot), has_next=bool(snapshot.next)
    )
