"""How a thread's graph is opened, to read its checkpoints or to write one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from langgraph.checkpoint.base import BaseCheckpointSaver

from common.db import Row
from common.jsoncodec import JsonObject
from graphs.runtime import Access, open_graph
from store.backend import open_store


@asynccontextmanager
async def opened(
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


def graph_of(thread: Row) -> str | None:
    graph_id = thread["metadata"].parse().get("graph_id")
    return graph_id if isinstance(graph_id, str) else None


def config_of(thread_id: UUID, thread: Row, checkpoint: JsonObject | None = None) -> dict[str, Any]:
    """Return the config by which a thread's graph is asked, at a checkpoint or the newest."""
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
