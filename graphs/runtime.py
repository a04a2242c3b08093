"""A graph opened for one use: a copy of its own, bound to a checkpointer and a store."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from inspect import isasyncgen, isawaitable, isgenerator
from typing import Any, Literal, TypeAlias, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph_sdk.runtime import _ExecutionRuntime, _ReadRuntime

from common.errors import GraphUnavailable
from common.importing import cause_of
from graphs.loader import Factory, Graph, LoadedGraph, as_graph
from graphs.registry import loaded_graph

Access: TypeAlias = Literal[
    "threads.create_run", "threads.update", "threads.read", "assistants.read"
]


@asynccontextmanager
async def open_graph(  # noqa: PLR0913 -- each is a thing that a factory or the graph is given
    graph_id: str,
    config: dict[str, Any] | RunnableConfig | None,
    *,
    access: Access,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    store: BaseStore | None = None,
    context: Any = None,
    user: Any = None,
) -> AsyncIterator[Graph]:
    """Lend a graph for one use, on the running loop: the user's code runs here.

    `config`, `context` and `user` are what a factory may ask for. Costs microseconds, or what the
    user's factory costs. Raises UnknownGraph, and GraphUnavailable when the factory fails.
    """
    loaded = loaded_graph(graph_id)
    if loaded.base is not None:
        yield _bound(loaded.base, checkpointer, store)
        return
    lent = store or InMemoryStore()
    runtime: Any
    if access == "threads.create_run":
        runtime = _ExecutionRuntime(access_context=access, store=lent, user=user, context=context)
    else:
        runtime = _ReadRuntime(access_context=access, store=lent, user=user)
    failure: BaseException | None = None
    async with AsyncExitStack() as stack:
        graph = await _made(loaded, config, runtime, stack)
        try:
            yield _bound(graph, checkpointer, store)
        except BaseException as exc:
            failure = exc
            raise
    # A context manager of the user's may swallow errors; a run's failure or cancellation stands.
    if failure is not None:
        raise failure


def _bound(
    graph: Graph, checkpointer: BaseCheckpointSaver[Any] | None, store: BaseStore | None
) -> Graph:
    # Pregel.copy() validates the graph again, ten times the cost of this, and drops the
    # allow-list by which checkpoints are read.
    bound = copy.copy(graph)
    bound.checkpointer = checkpointer
    if store is not None:
        bound.store = store
    return bound


async def _made(
    loaded: LoadedGraph,
    config: dict[str, Any] | RunnableConfig | None,
    runtime: Any,
    stack: AsyncExitStack,
) -> Graph:
    spec, factory = loaded.spec, cast("Factory", loaded.factory)
    given = cast("RunnableConfig", {"configurable": {}, **(config or {})})
    try:
        made = factory(config=given, runtime=_with_context(runtime, factory.context_schema))
        return as_graph(await _entered(made, stack), spec.graph_id)
    # The user's factory: whatever it raises is the reason why there is no graph.
    except Exception as exc:
        told = f"Graph `{spec.graph_id}`: {spec.target}: {cause_of(exc)}"
        raise GraphUnavailable(told) from exc


def _with_context(runtime: Any, schema: type | None) -> Any:
    """Return a runtime whose context is of the type that the factory's annotation names."""
    context = getattr(runtime, "context", None)
    if schema is None or not isinstance(context, dict):
        return runtime
    return replace(runtime, context=schema(**context))


async def _entered(made: Any, stack: AsyncExitStack) -> Any:
    """Await and enter what a factory returned, down to the graph; `stack` exits it."""
    while not isinstance(made, Pregel | StateGraph):
        if isawaitable(made):
            made = await made
        elif isasyncgen(made):
            made = asynccontextmanager(_returning(made))()
        elif isgenerator(made):
            made = contextmanager(_returning(made))()
        elif hasattr(made, "__aenter__"):
            made = await stack.enter_async_context(made)
        elif hasattr(made, "__enter__"):
            made = stack.enter_context(made)
        else:
            break
    return made


def _returning(value: Any) -> Any:
    return lambda: value
