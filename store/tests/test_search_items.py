from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.jsoncodec import Json
from common.tests.statements import Statements


@pytest.fixture
async def root(api: httpx.AsyncClient) -> str:
    """The label under which this test's items live, oldest first."""
    root = f"r{uuid4().hex}"
    items: list[tuple[list[str], str, dict[str, Json]]] = [
        ([root], "nine", {"n": 9, "kind": "odd", "meta": {"x": 1}}),
        ([root, "a"], "ten", {"n": 10, "kind": "even", "ok": True}),
        ([root, "a", "z"], "minus", {"n": -1.5, "kind": "odd", "none": None}),
        ([root, "b"], "text", {"n": "9", "kind": "100%"}),
        ([f"{root}x"], "beside", {"n": 9}),
    ]
    for namespace, key, value in items:
        item: Json = {"namespace": list(namespace), "key": key, "value": value}
        assert (await api.put("/store/items", json=item)).status_code == 204
    return root


async def keys(api: httpx.AsyncClient, prefix: list[str], **search: Any) -> list[str]:
    answer = await api.post("/store/items/search", json={"namespace_prefix": prefix, **search})
    assert answer.status_code == 200, answer.text
    return [item["key"] for item in answer.json()["items"]]


async def test_a_prefix_finds_what_is_below_it_latest_first(
    api: httpx.AsyncClient, root: str
) -> None:
    assert await keys(api, [root]) == ["text", "minus", "ten", "nine"]
    assert await keys(api, [root, "a"]) == ["minus", "ten"]
    assert await keys(api, [root, "_"]) == []
    assert await keys(api, [root], limit=2, offset=1) == ["minus", "ten"]


async def test_an_empty_prefix_is_everywhere(api: httpx.AsyncClient, root: str) -> None:
    assert (await keys(api, [], limit=5))[:5] == ["beside", "text", "minus", "ten", "nine"]


async def test_a_found_item_has_a_score(api: httpx.AsyncClient, root: str) -> None:
    search: Json = {"namespace_prefix": [root, "b"], "query": "what"}

    answer = await api.post("/store/items/search", json=search)

    [item] = answer.json()["items"]
    assert item.keys() == {"namespace", "key", "value", "created_at", "updated_at", "score"}
    assert item["score"] is None


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"kind": "odd"}, ["minus", "nine"]),
        ({"kind": "100%"}, ["text"]),
        ({"n": 9}, ["nine"]),
        ({"n": {"$eq": "9"}}, ["text"]),
        ({"ok": True}, ["ten"]),
        ({"none": None}, ["minus"]),
        ({"kind": {"$ne": "odd"}}, ["text", "ten"]),
        ({"ok": {"$ne": True}}, ["text", "minus", "nine"]),
        ({"n": {"$gt": 9}}, ["ten"]),
        ({"n": {"$gte": 9}}, ["ten", "nine"]),
        ({"n": {"$lt": 9.5}}, ["minus", "nine"]),
        ({"n": {"$lte": -1.5}}, ["minus"]),
        ({"n": {"$gt": "8"}}, ["text"]),
        ({"kind": {"$gt": "even"}}, ["minus", "nine"]),
        ({"n": {"$gt": 0, "$lt": 10}}, ["nine"]),
        ({"kind": "odd", "n": {"$gt": 0}}, ["nine"]),
        ({"meta": {"x": 1}}, ["nine"]),
        ({"meta": {}}, []),
        ({"absent": {"$gt": 0}}, []),
        ({"%s": "x"}, []),
        ({}, ["text", "minus", "ten", "nine"]),
        (None, ["text", "minus", "ten", "nine"]),
    ],
    ids=str,
)
async def test_a_filter_selects(
    api: httpx.AsyncClient, root: str, conditions: Json, found: list[str]
) -> None:
    assert await keys(api, [root], filter=conditions) == found


@pytest.mark.parametrize(
    "conditions", [{"n": {"$in": [1]}}, {"n": {"$gt": 1, "x": 2}}, [1], "n"], ids=str
)
async def test_a_filter_that_is_none_is_422(
    api: httpx.AsyncClient, root: str, conditions: Json
) -> None:
    answer = await api.post(
        "/store/items/search", json={"namespace_prefix": [root], "filter": conditions}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("filter: ")


async def test_a_search_is_one_statement(
    api: httpx.AsyncClient, root: str, statements: Statements
) -> None:
    await keys(api, [root])
    assert len(statements) == 1

    await namespaces(api, prefix=[root])
    assert len(statements) == 2


async def namespaces(api: httpx.AsyncClient, **search: Any) -> list[list[str]]:
    answer = await api.post("/store/namespaces", json=search)
    assert answer.status_code == 200, answer.text
    found: list[list[str]] = answer.json()["namespaces"]
    return found


async def test_namespaces_are_listed_below_a_prefix(api: httpx.AsyncClient, root: str) -> None:
    found = await namespaces(api, prefix=[root])

    assert found == [[root], [root, "a"], [root, "a", "z"], [root, "b"]]
    assert await namespaces(api, prefix=[root], limit=1, offset=2) == [[root, "a", "z"]]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"suffix": ["z"]}, ["a.z"]),
        ({"suffix": ["*"], "max_depth": 2}, ["", "a", "b"]),
        ({"max_depth": 1}, [""]),
        ({"prefix": ["*", "a"]}, ["a", "a.z"]),
        ({"prefix": ["*", "*", "z"]}, ["a.z"]),
        ({"suffix": ["a", "*"]}, ["a.z"]),
        ({"suffix": ["."]}, None),
    ],
    ids=str,
)
async def test_wildcards_suffix_and_depth(
    api: httpx.AsyncClient, root: str, search: dict[str, Any], found: list[str] | None
) -> None:
    if found is None:
        assert (await api.post("/store/namespaces", json=search)).status_code == 422
        return
    prefix = [root, *search.pop("prefix", ["*"])[1:]]

    result = await namespaces(api, prefix=prefix, **search)

    assert [".".join(namespace[1:]) for namespace in result] == found


@pytest.mark.parametrize("max_depth", [0, -1, 101, "1", True])
async def test_a_depth_out_of_bounds_is_422(api: httpx.AsyncClient, max_depth: Json) -> None:
    answer = await api.post("/store/namespaces", json={"max_depth": max_depth})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("max_depth: ")


async def test_a_prefix_too_long_for_a_pattern_is_422(api: httpx.AsyncClient) -> None:
    answer = await api.post("/store/namespaces", json={"prefix": ["x" * 90_000]})

    assert answer.status_code == 422
    assert answer.json()["detail"] == "prefix: is longer than 2600 bytes"
