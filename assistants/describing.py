"""What an assistant's graph looks like; asked of the user's code, on the graph loop."""

from __future__ import annotations

from typing import Any

from assistants.queries import AssistantRow
from common.jsoncodec import JsonObject
from graphs.loop import on_graph_loop
from graphs.runtime import open_graph
from graphs.schemas import graph_drawing, graph_schemas


async def draw_graph(assistant: AssistantRow, *, xray: bool | int) -> JsonObject:
    """Return the nodes and edges of an assistant's graph."""

    async def draw() -> JsonObject:
        async with open_graph(
            assistant.graph_id, _config(assistant), access="assistants.read"
        ) as graph:
            return await graph_drawing(graph, xray=xray)

    return await on_graph_loop(draw())


async def describe_graph(assistant: AssistantRow) -> dict[str, Any]:
    """Return the JSON schemas of an assistant's graph, null where there is none."""

    async def describe() -> dict[str, Any]:
        async with open_graph(
            assistant.graph_id, _config(assistant), access="assistants.read"
        ) as graph:
            return {"graph_id": assistant.graph_id, **graph_schemas(graph)}

    return await on_graph_loop(describe())


def _config(assistant: AssistantRow) -> dict[str, Any]:
    config: Any = assistant.config.parse()
    return {"configurable": config.get("configurable") or {}}
