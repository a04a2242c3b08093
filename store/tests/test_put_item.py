from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from common.jsoncodec import Json
from store.tests.asking import got, put


async def test_an_item_is_kept_as_it_was_given(api: httpx.AsyncClient, root: str) -> None:
    value = {"snow": "☃", "n": [1, 2.5, None, True], "deep": {"100%": "%s"}, "big": 2**63}

    await put(api, namespace=[root, "notes"], key="first / 100%", value=value)

    found = await got(api, f"{root}.notes", "first / 100%")
    assert found.pop("created_at").endswith("+00:00")
    assert found.pop("updated_at").endswith("+00:00")
    assert found == {"namespace": [root, "notes"], "key": "first / 100%", "value": value}


async def test_a_second_put_replaces_the_value(api: httpx.AsyncClient, root: str) -> None:
    await put(api, namespace=[root], key="k", value={"a": 1})
    first = await got(api, root, "k")

    await put(api, namespace=[root], key="k", value={"b": 2})

    second = await got(api, root, "k")
    assert second["value"] == {"b": 2}
    assert second["created_at"] == first["created_at"]
    assert second["updated_at"] > first["updated_at"]


async def test_a_missing_item_is_null(api: httpx.AsyncClient, root: str) -> None:
    assert await got(api, root, "nothing") is None


async def test_a_namespace_is_read_in_each_of_its_forms(api: httpx.AsyncClient, root: str) -> None:
    await put(api, namespace=[root, "b"], key="k", value={})

    for namespace in (f"{root}.b", [root, "b"], f'["{root}","b"]'):
        answer = await api.get("/store/items", params={"namespace": namespace, "key": "k"})
        assert answer.json()["namespace"] == [root, "b"]


async def test_a_get_without_a_key_is_400_in_the_references_words(api: httpx.AsyncClient) -> None:
    answer = await api.get("/store/items", params={"namespace": "a"})

    assert answer.status_code == 400
    assert answer.json()["error"] == "Key is required"


@pytest.mark.parametrize("namespace", ["", ".", "a..b", "a.", '["a",""]'])
async def test_a_get_of_a_bad_namespace_is_422(api: httpx.AsyncClient, namespace: str) -> None:
    answer = await api.get("/store/items", params={"namespace": namespace, "key": "k"})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("namespace: ")


@pytest.mark.parametrize(
    "namespace", [None, "a.b", [""], ["a.b"], [1], [["a"]], ["a"] * 101], ids=str
)
async def test_a_bad_label_is_422(api: httpx.AsyncClient, namespace: Json) -> None:
    item: Json = {"namespace": namespace, "key": "k", "value": {}}

    answer = await api.put("/store/items", json=item)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("namespace: ")


@pytest.mark.parametrize("namespace", [[], ["langgraph"], ["langgraph", "x"]])
async def test_no_item_lives_at_the_root_or_under_langgraph(
    api: httpx.AsyncClient, namespace: list[str]
) -> None:
    item: Json = {"namespace": list(namespace), "key": "k", "value": {}}

    put_answer = await api.put("/store/items", json=item)
    deleted = await api.request("DELETE", "/store/items", json=item)

    assert (put_answer.status_code, deleted.status_code) == (400, 400)
    assert put_answer.json()["detail"].startswith("namespace: ")


@pytest.mark.parametrize("wrong", [{"value": None}, {"value": [1]}, {"key": 1}, {"key": ""}])
async def test_a_bad_item_is_422(api: httpx.AsyncClient, root: str, wrong: dict[str, Json]) -> None:
    answer = await api.put(
        "/store/items", json={"namespace": [root], "key": "k", "value": {}, **wrong}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{next(iter(wrong))}: ")


@pytest.mark.parametrize("long", ["key", "namespace"])
async def test_a_name_too_long_for_the_index_is_422(
    api: httpx.AsyncClient, root: str, long: str
) -> None:
    # Random, since PostgreSQL compresses what repeats.
    name = "".join(uuid4().hex for _ in range(200))
    item: dict[str, Json] = {"namespace": [root], "key": "k", "value": {}}
    item[long] = name if long == "key" else [root, name]

    answer = await api.put("/store/items", json=item)

    assert answer.status_code == 422
    assert "bytes" in answer.json()["detail"]


@pytest.mark.parametrize("index", [None, False, [], ["text", "tags[*]"]])
async def test_without_an_index_of_the_project_one_of_an_item_has_no_effect(
    api: httpx.AsyncClient, root: str, index: Json
) -> None:
    await put(api, namespace=[root], key="k", value={"text": "a cat"}, index=index)

    assert (await got(api, root, "k"))["value"] == {"text": "a cat"}


async def test_a_delete_is_idempotent(api: httpx.AsyncClient, root: str) -> None:
    await put(api, namespace=[root], key="k", value={})

    for _ in range(2):
        answer = await api.request("DELETE", "/store/items", json={"namespace": [root], "key": "k"})
        assert (answer.status_code, answer.content) == (204, b"")
    assert await got(api, root, "k") is None


async def test_a_graph_and_the_api_share_the_store(api: httpx.AsyncClient) -> None:
    async def remember(said: Json) -> Json:
        run = {"assistant_id": "memory", "input": {"said": said}}
        return (await api.post("/runs/wait", json=run)).json()["said"]  # type: ignore[no-any-return]

    await remember("by the graph")
    assert (await got(api, "said", "last"))["value"] == {"said": "by the graph"}

    await put(api, namespace=["said"], key="last", value={"said": "by the api"})
    assert await remember("again") == "by the api"
