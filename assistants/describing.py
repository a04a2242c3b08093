"""What an assistant's graph looks like; asked of the user's code, on the graph loop."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from assistants.queries import AssistantRow
from common.errors import GraphUnavailable
from common.jsoncodec import JsonObject
from graphs.loader import Graph
from graphs.loop import on_graph_loop
from graphs.runtime import open_graph
from graphs.schemas import Schemas, graph_drawing, graph_schemas, subgraph_schemas


async def draw_graph(assistant: AssistantRow, *, xray: bool | int) -> JsonObject:
    """Return the nodes and edges of an assistant's graph."""

    async def draw() -> JsonObject:
        async with _opened(assistant) as graph:
            return await graph_drawing(graph, xray=xray)

    return await on_graph_loop(draw())


async def describe_graph(assistant: AssistantRow) -> dict[str, Any]:
    """Return the JSON schemas of an assistant's graph, null where there is none."""

    async def describe() -> dict[str, Any]:
        async with _opened(assistant) as graph:
            return {"graph_id": assistant.graph_id, **graph_schemas(graph)}

    return await on_graph_loop(describe())


async def describe_subgraphs(assistant: AssistantRow, *, recurse: bool) -> dict[str, Schemas]:
    """Return the schemas of the graphs inside an assistant's graph, by namespace."""

    async def describe() -> dict[str, Schemas]:
        async with _opened(assistant) as graph:
            return subgraph_schemas(graph, recurse=recurse)

    return await on_graph_loop(describe())


async def describe_subgraph(assistant: AssistantRow, namespace: str) -> dict[str, Schemas]:
    """Return the same of the one graph at `namespace`; raises NotFound when there is none."""

    async def describe() -> dict[str, Schemas]:
        async with _opened(assistant) as graph:
            return subgraph_schemas(graph, namespace=namespace)

    return await on_graph_loop(describe())


async def keep_messages(assistants: Sequence[AssistantRow]) -> list[bool]:
    """Tell of each assistant whether its graph has `messages`; False when it cannot be opened.

    A factory is asked once for each configuration.
    """

    async def ask(assistant: AssistantRow) -> bool:
        with suppress(GraphUnavailable):
            async with _opened(assistant) as graph:
                return "messages" in graph.channels
        return False

    async def ask_all() -> list[bool]:
        known: dict[tuple[str, bytes], bool] = {}
        keys = [(assistant.graph_id, assistant.config.text) for assistant in assistants]
        for key, assistant in zip(keys, assistants, strict=True):
            if key not in known:
                known[key] = await ask(assistant)
        return [known[key] for key in keys]

    return await on_graph_loop(ask_all())


def _opened(assistant: AssistantRow) -> AbstractAsyncContextManager[Graph]:
    return open_graph(assistant.graph_id, _config(assistant), access="assistants.read")


def _config(assistant: AssistantRow) -> dict[str, Any]:
    config: Any = assistant.config.parse()
    return {"configurable": config.get("configurable") or {}}
