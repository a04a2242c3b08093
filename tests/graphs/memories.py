"""Graphs that use the store as they are told, through each of its interfaces."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import GetOp, PutOp, SearchOp


class Told(TypedDict, total=False):
    puts: list[dict[str, Any]]
    search: dict[str, Any]
    found: list[dict[str, Any]]


async def keep(state: Told, runtime: Runtime[None]) -> Told:
    """Put and search, as nodes do."""
    store: Any = runtime.store
    for put in state.get("puts", []):
        await store.aput(**arguments(put))
    search = state.get("search")
    return {"found": shown(await store.asearch(("notes",), **search)) if search else []}


def keep_sync(state: Told, runtime: Runtime[None]) -> Told:
    """Do the same in a node that is no coroutine."""
    store: Any = runtime.store
    for put in state.get("puts", []):
        store.put(**arguments(put))
    search = state.get("search")
    return {"found": shown(store.search(("notes",), **search)) if search else []}


async def keep_batch(state: Told, runtime: Runtime[None]) -> Told:
    """Put all in one batch, then read in one batch."""
    store: Any = runtime.store
    puts = [arguments(put) for put in state.get("puts", [])]
    await store.abatch([PutOp(**put) for put in puts])
    *items, found = await store.abatch(
        [
            *(GetOp(put["namespace"], put["key"]) for put in puts),
            SearchOp(("notes",), **state.get("search", {})),
        ]
    )
    assert [item.value for item in items] == [put["value"] for put in puts]
    return {"found": shown(found)}


def arguments(put: dict[str, Any]) -> dict[str, Any]:
    return {**put, "namespace": tuple(put["namespace"])}


def shown(items: list[Any]) -> list[dict[str, Any]]:
    return [{"key": item.key, "value": item.value, "score": item.score} for item in items]


notes = StateGraph(Told).add_node(keep).add_edge(START, "keep").compile()
sync_notes = StateGraph(Told).add_node(keep_sync).add_edge(START, "keep_sync").compile()
batch_notes = StateGraph(Told).add_node(keep_batch).add_edge(START, "keep_batch").compile()
