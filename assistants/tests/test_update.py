from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

from common import db

Make = Callable[..., Awaitable[dict[str, Any]]]
VERSIONS = """
SELECT version, name FROM assistant_version WHERE assistant_id = %s ORDER BY version
"""


async def patched(api: httpx.AsyncClient, made: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = await api.patch(f"/assistants/{made['assistant_id']}", json=changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_update_is_a_new_version(api: httpx.AsyncClient, assistant: Make) -> None:
    made = await assistant(name="one", description="d")

    changed = await patched(api, made, name="two")

    assert changed["updated_at"] > made["updated_at"]
    assert changed == {**made, "name": "two", "version": 2, "updated_at": changed["updated_at"]}
    versions = await db.fetch_all(VERSIONS, [made["assistant_id"]])
    assert [tuple(row.values()) for row in versions] == [(1, "one"), (2, "two")]


async def test_metadata_is_merged_and_config_replaced(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(metadata={"a": 1, "b": {"x": 1}}, config={"tags": ["a"]})

    changed = await patched(api, made, metadata={"b": {"y": 2}}, config={"recursion_limit": 5})

    assert changed["metadata"] == {"a": 1, "b": {"y": 2}}
    assert changed["config"] == {"recursion_limit": 5}


async def test_an_empty_update_changes_nothing_but_the_version(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(name="same")

    changed = await patched(api, made)

    assert changed == {**made, "version": 2, "updated_at": changed["updated_at"]}


async def test_a_null_leaves_a_field_but_empties_the_description(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(name="kept", description="gone")

    changed = await patched(api, made, name=None, config=None, description=None)

    assert (changed["name"], changed["description"]) == ("kept", None)


async def test_a_new_context_is_mirrored_and_the_rest_of_the_config_kept(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(context={"model": "a"}, config={"tags": ["t"]})

    changed = await patched(api, made, context={"model": "b"})

    assert changed["context"] == {"model": "b"}
    assert changed["config"] == {"tags": ["t"], "configurable": {"model": "b"}}


async def test_a_new_configurable_is_mirrored_into_context(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(context={"model": "a"})

    changed = await patched(api, made, config={"configurable": {"model": "b"}})

    assert changed["context"] == {"model": "b"}


async def test_an_emptied_context_empties_configurable(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant(context={"model": "a"}, config={"tags": ["t"]})

    changed = await patched(api, made, context={})

    assert changed["context"] == {}
    assert changed["config"].get("configurable", {}) == {}


async def test_the_graph_may_be_another_known_one(api: httpx.AsyncClient, assistant: Make) -> None:
    made = await assistant()
    place = f"/assistants/{made['assistant_id']}"

    assert (await patched(api, made, graph_id="agent"))["graph_id"] == "agent"
    assert (await api.patch(place, json={"graph_id": "nobody"})).status_code == 404
    assert (await api.get(place)).json()["version"] == 2


async def test_context_and_configurable_together_are_refused(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant()
    both = {"context": {"a": 1}, "config": {"configurable": {"a": 1}}}

    answer = await api.patch(f"/assistants/{made['assistant_id']}", json=both)

    assert answer.status_code == 400


async def test_updates_at_once_each_get_a_version_of_their_own(
    api: httpx.AsyncClient, assistant: Make
) -> None:
    made = await assistant()

    changed = await asyncio.gather(*(patched(api, made, name=f"n{n}") for n in range(6)))

    assert sorted(item["version"] for item in changed) == [2, 3, 4, 5, 6, 7]


async def test_a_missing_assistant_is_404(api: httpx.AsyncClient) -> None:
    assert (await api.patch(f"/assistants/{uuid4()}", json={"name": "x"})).status_code == 404
    assert (await api.patch("/assistants/nobody", json={"name": "x"})).status_code == 422
