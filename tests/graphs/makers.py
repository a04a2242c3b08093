"""Graphs that ask for what the server gives: context, a store, a configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph_sdk.runtime import ServerRuntime


class Said(TypedDict, total=False):
    said: Any


@dataclass
class Manner:
    tone: str = "plain"


async def speak(state: Said, config: RunnableConfig, runtime: Runtime[Manner]) -> Said:
    manner = runtime.context or Manner()
    return {"said": {"tone": manner.tone, "model": config["configurable"].get("model")}}


context = StateGraph(Said, context_schema=Manner).add_node(speak).add_edge(START, "speak").compile()


async def remember(state: Said, runtime: Runtime[None]) -> Said:
    """Keep what was said, and return what was kept before."""
    assert runtime.store is not None
    before = await runtime.store.aget(("said",), "last")
    await runtime.store.aput(("said",), "last", {"said": state.get("said")})
    return {"said": before and before.value["said"]}


memory = StateGraph(Said).add_node(remember).add_edge(START, "remember").compile()


@asynccontextmanager
async def factory(config: RunnableConfig, runtime: ServerRuntime) -> AsyncIterator[Any]:
    """Make a graph that tells how it was made."""
    user, execution = runtime.user, runtime.execution_runtime
    told = {
        "access": runtime.access_context,
        "model": config["configurable"].get("model"),
        "user": user and user.identity,
        "context": execution and execution.context,
    }

    async def tell(state: Said) -> Said:
        return {"said": told}

    yield StateGraph(Said).add_node(tell).add_edge(START, "tell")


def broken() -> None:
    raise ConnectionError("no model behind this factory")
