from __future__ import annotations

import asyncio
from typing import cast
from uuid import uuid4

import pytest
from langgraph_sdk.errors import APIStatusError

from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


@pytest.fixture
def namespace() -> list[str]:
    return ["e2e", str(uuid4())]


async def test_an_item_is_kept_and_replaced(client: Client, namespace: list[str]) -> None:
    await client.store.put_item(namespace, "k", {"n": 1})
    await client.store.put_item(namespace, "k", {"n": 2})

    item = await client.store.get_item(namespace, "k")
    assert (item["namespace"], item["key"], item["value"]) == (namespace, "k", {"n": 2})
    assert item["created_at"] < item["updated_at"]


async def test_a_deleted_item_is_gone(client: Client, namespace: list[str]) -> None:
    await client.store.put_item(namespace, "k", {})

    await client.store.delete_item(namespace, "k")

    assert await client.store.get_item(namespace, "k") is None
    await client.store.delete_item(namespace, "k")


async def test_items_are_searched(client: Client, namespace: list[str]) -> None:
    for number in range(4):
        await client.store.put_item([*namespace, "deep"], str(number), {"even": number % 2 == 0})

    found = await client.store.search_items(namespace, filter={"even": True})
    page = await client.store.search_items(namespace, limit=1, offset=3)

    assert {item["key"] for item in found["items"]} == {"0", "2"}
    assert len(page["items"]) == 1


async def test_an_item_may_expire_and_be_kept_from_it(client: Client, namespace: list[str]) -> None:
    await client.store.put_item(namespace, "k", {"n": 1}, ttl=60)

    item = await client.store.get_item(namespace, "k", refresh_ttl=True)
    found = await client.store.search_items(namespace, refresh_ttl=False)

    assert item["value"] == {"n": 1}
    assert [each["key"] for each in found["items"]] == ["k"]


async def test_an_item_says_what_of_it_is_indexed(client: Client, namespace: list[str]) -> None:
    await client.store.put_item(namespace, "all", {"text": "tea"}, index=["text"])
    await client.store.put_item(namespace, "none", {"text": "tea"}, index=False)

    found = await client.store.search_items(namespace, query="tea")

    assert {each["key"] for each in found["items"]} == {"all", "none"}


async def test_namespaces_are_listed(client: Client, namespace: list[str]) -> None:
    for end in ("left", "right"):
        await client.store.put_item([*namespace, end], "k", {})

    below = await client.store.list_namespaces(prefix=namespace)
    above = await client.store.list_namespaces(prefix=namespace, max_depth=2)
    right = await client.store.list_namespaces(prefix=namespace, suffix=["right"])

    page = await client.store.list_namespaces(prefix=namespace, limit=1, offset=1)

    assert page["namespaces"] == [[*namespace, "right"]]
    assert sorted(below["namespaces"]) == [[*namespace, "left"], [*namespace, "right"]]
    assert above["namespaces"] == [namespace]
    assert right["namespaces"] == [[*namespace, "right"]]


async def test_a_graph_and_its_clients_share_the_store(client: Client) -> None:
    word = str(uuid4())

    await client.runs.wait(None, "memory", input={"said": word})

    assert (await client.store.get_item(["said"], "last"))["value"] == {"said": word}


async def test_an_item_with_a_ttl_is_found_until_it_expires(
    client: Client, namespace: list[str]
) -> None:
    await client.store.put_item(namespace, "k", {}, ttl=60)
    await client.store.put_item(namespace, "gone", {}, index=False, ttl=cast("int", 0.001))
    await asyncio.sleep(0.1)

    assert await client.store.get_item(namespace, "k", refresh_ttl=True)
    assert await client.store.get_item(namespace, "gone", refresh_ttl=False) is None
    found = await client.store.search_items(namespace, query="any", refresh_ttl=False)
    assert [item["key"] for item in found["items"]] == ["k"]


async def test_a_bad_namespace_is_refused(client: Client) -> None:
    with pytest.raises(APIStatusError, match="langgraph"):
        await client.store.put_item(["langgraph"], "k", {})
