"""Graphs that call the server that runs them, by the SDK's client without a URL."""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_client

# Made before any server is there, as a project does at the top of a module.
client = get_client()


class Call(TypedDict, total=False):
    graph: str
    input: dict[str, Any]
    answer: Any
    parts: list[str]
    waits: list[float]


async def wait(state: Call) -> Call:
    return {"answer": await client.runs.wait(None, state["graph"], input=state["input"])}


async def stream(state: Call) -> Call:
    """Follow another graph's run; tell when each of its parts came."""
    clock, parts, waits = asyncio.get_running_loop().time, [], []
    began = clock()
    async for part in get_client().runs.stream(
        None, state["graph"], input=state["input"], stream_mode=["updates", "custom"]
    ):
        parts.append(part.event)
        waits.append(clock() - began)
    return {"parts": parts, "waits": waits}


def from_a_thread(state: Call) -> Call:
    """Call from a synchronous node, on a loop of its own."""
    answer = asyncio.run(get_client().runs.wait(None, state["graph"], input=state["input"]))
    return {"answer": answer}


async def remote(state: Call) -> Call:
    return {"answer": await RemoteGraph(state["graph"], client=client).ainvoke(state["input"])}


class Depth(TypedDict, total=False):
    depth: int
    reached: int


async def descend(state: Depth) -> Depth:
    """Run this graph again, one deeper, and wait for it."""
    depth = state.get("depth", 0)
    if depth == 0:
        return {"reached": 0}
    below: Any = await client.runs.wait(None, "deep", input={"depth": depth - 1})
    return {"reached": below["reached"] + 1}


waits = StateGraph(Call).add_node(wait).add_edge(START, "wait").compile()
streams = StateGraph(Call).add_node(stream).add_edge(START, "stream").compile()
threaded = StateGraph(Call).add_node(from_a_thread).add_edge(START, "from_a_thread").compile()
remotes = StateGraph(Call).add_node(remote).add_edge(START, "remote").compile()
deep = StateGraph(Depth).add_node(descend).add_edge(START, "descend").compile()
