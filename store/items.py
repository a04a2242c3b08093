"""Store items for the API, through the running loop's LangGraph store."""

# ruff: noqa: ARG001 -- there is one kind of caller so far, who sees everything

from __future__ import annotations

from typing import Any

from langgraph.store.base import NOT_PROVIDED

from access.caller import Caller
from common.jsoncodec import JsonObject
from store.backend import open_store
from store.serializers import ItemSearch, ItemWrite, Namespace, NamespaceSearch


async def put_item(write: ItemWrite, *, caller: Caller) -> None:
    """Store an item, over the one of that key; raises EmbeddingFailed, and then stores nothing."""
    await (await open_store()).aput(
        write.namespace,
        write.key,
        dict(write.value),
        index=write.index,
        ttl=NOT_PROVIDED if write.ttl is None else write.ttl,
    )


async def get_item(
    namespace: Namespace, key: str, *, refresh_ttl: bool | None = None, caller: Caller
) -> JsonObject | None:
    item = await (await open_store()).aget(namespace, key, refresh_ttl=refresh_ttl)
    return _json(item) if item else None


async def delete_item(namespace: Namespace, key: str, *, caller: Caller) -> None:
    """Delete an item; one that is not there is none the less gone."""
    await (await open_store()).adelete(namespace, key)


async def search_items(search: ItemSearch, *, caller: Caller) -> list[JsonObject]:
    """Return items below a namespace: the nearest to a query first, else the latest.

    Raises EmbeddingFailed.
    """
    items = await (await open_store()).asearch(
        search.prefix,
        query=search.query,
        filter=search.filter,
        limit=search.limit,
        offset=search.offset,
        refresh_ttl=search.refresh_ttl,
    )
    return [{**_json(item), "score": item.score} for item in items]


async def search_namespaces(search: NamespaceSearch, *, caller: Caller) -> list[list[str]]:
    found = await (await open_store()).alist_namespaces(
        prefix=search.prefix,
        suffix=search.suffix,
        max_depth=search.max_depth,
        limit=search.limit,
        offset=search.offset,
    )
    return [list(namespace) for namespace in found]


def _json(item: Any) -> JsonObject:
    return {
        "namespace": list(item.namespace),
        "key": item.key,
        "value": item.value,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }
