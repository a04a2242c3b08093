"""Requests to the store, and a label that no other test has."""

from __future__ import annotations

from typing import Any

import httpx


async def put(api: httpx.AsyncClient, **item: Any) -> None:
    answer = await api.put("/store/items", json={"value": {}, **item})
    assert (answer.status_code, answer.content) == (204, b""), answer.text


async def got(api: httpx.AsyncClient, namespace: str, key: str, **params: Any) -> Any:
    asked = {"namespace": namespace, "key": key, **params}
    answer = await api.get("/store/items", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def searched(api: httpx.AsyncClient, *prefix: str, **search: Any) -> list[dict[str, Any]]:
    body = {"namespace_prefix": list(prefix), **search}
    answer = await api.post("/store/items/search", json=body)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def keys(api: httpx.AsyncClient, *prefix: str, **search: Any) -> list[str]:
    return [item["key"] for item in await searched(api, *prefix, **search)]
