from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from langgraph_sdk.errors import ConflictError, NotFoundError

from tests.e2e.awaited import Client

pytestmark = pytest.mark.slow


@pytest.fixture
async def assistant(client: Client) -> Any:
    """One of the graph `context`, with a metadata of its own."""
    return await client.assistants.create(
        "context", context={"tone": "warm"}, metadata={"mark": str(uuid4())}, name="Warm"
    )


async def test_each_graph_has_a_system_assistant(client: Client) -> None:
    found = await client.assistants.search(metadata={"created_by": "system"}, limit=100)

    assert {"react_agent", "react_agent_hitl", "memory_agent"} <= {
        each["graph_id"] for each in found
    }
    assert {each["version"] for each in found} == {1}


async def test_an_assistant_is_created_and_read(client: Client, assistant: Any) -> None:
    read = await client.assistants.get(assistant["assistant_id"])

    assert read == assistant
    assert (read["name"], read["context"], read["version"]) == ("Warm", {"tone": "warm"}, 1)


async def test_an_id_is_taken_once(client: Client, assistant: Any) -> None:
    taken = assistant["assistant_id"]

    with pytest.raises(ConflictError):
        await client.assistants.create("context", assistant_id=taken)
    kept = await client.assistants.create("echo", assistant_id=taken, if_exists="do_nothing")
    assert kept == assistant


async def test_an_update_makes_a_version(client: Client, assistant: Any) -> None:
    updated = await client.assistants.update(
        assistant["assistant_id"], context={"tone": "cold"}, metadata={"more": 1}, name="Cold"
    )

    assert (updated["version"], updated["name"], updated["context"]) == (
        2,
        "Cold",
        {"tone": "cold"},
    )
    assert updated["metadata"] == {**assistant["metadata"], "more": 1}
    assert await client.assistants.get(assistant["assistant_id"]) == updated


async def test_assistants_are_searched_and_counted(client: Client, assistant: Any) -> None:
    metadata = assistant["metadata"]

    assert await client.assistants.search(metadata=metadata) == [assistant]
    assert await client.assistants.search(metadata=metadata, graph_id="echo") == []
    assert await client.assistants.count(metadata=metadata) == 1
    assert await client.assistants.count(metadata=metadata, graph_id="echo") == 0
    assert await client.assistants.count(metadata=metadata, name="ARM") == 1
    assert await client.assistants.count(metadata=metadata, name="cold") == 0
    [slim] = await client.assistants.search(metadata=metadata, select=["assistant_id", "name"])
    assert slim.keys() == {"assistant_id", "name"}


async def test_a_search_is_paged_in_order(client: Client) -> None:
    metadata = {"mark": str(uuid4())}
    for name in ("c", "a", "b"):
        await client.assistants.create("echo", metadata=metadata, name=name)

    first = await client.assistants.search(
        metadata=metadata, sort_by="name", sort_order="asc", limit=2, response_format="object"
    )
    rest = await client.assistants.search(
        metadata=metadata, sort_by="name", sort_order="asc", limit=2, offset=2
    )

    assert [each["name"] for each in [*first["assistants"], *rest]] == ["a", "b", "c"]
    assert first["next"] == "2"


async def test_a_deleted_assistant_is_gone(client: Client, assistant: Any) -> None:
    await client.assistants.delete(assistant["assistant_id"])

    with pytest.raises(NotFoundError):
        await client.assistants.get(assistant["assistant_id"])


async def test_versions_are_told_and_gone_back_to(client: Client, assistant: Any) -> None:
    key = assistant["assistant_id"]
    await client.assistants.update(key, name="Cold", metadata={"more": 1})

    versions = await client.assistants.get_versions(key)
    found = await client.assistants.get_versions(key, metadata={"more": 1})
    back = await client.assistants.set_latest(key, 1)
    onwards = await client.assistants.update(key, name="Hot")

    assert [version["name"] for version in versions] == ["Cold", "Warm"]
    assert [version["version"] for version in found] == [2]
    assert (back["version"], back["name"]) == (1, "Warm")
    assert (onwards["version"], onwards["metadata"]) == (3, assistant["metadata"])


async def test_threads_are_deleted_with_their_assistant(client: Client, assistant: Any) -> None:
    thread_id = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread_id, assistant["assistant_id"], input={})

    await client.assistants.delete(assistant["assistant_id"], delete_threads=True)

    with pytest.raises(NotFoundError):
        await client.threads.get(thread_id)


async def test_subgraphs_are_described(client: Client) -> None:
    every = await client.assistants.get_subgraphs("subgraph_agent", recurse=True)
    name = next(iter(every))
    one = await client.assistants.get_subgraphs("subgraph_agent", namespace=name)

    assert one == {name: every[name]}
    assert "messages" in one[name]["input_schema"]["properties"]
    with pytest.raises(NotFoundError, match=name):
        await client.assistants.get_subgraphs("subgraph_agent", namespace="nonesuch")


async def test_a_graph_is_drawn(client: Client) -> None:
    drawn = await client.assistants.get_graph("subgraph_agent")
    inside = await client.assistants.get_graph("subgraph_agent", xray=True)

    assert {"__start__", "__end__"} <= {node["id"] for node in drawn["nodes"]}
    assert len(inside["nodes"]) > len(drawn["nodes"])
    assert all(edge.keys() >= {"source", "target"} for edge in drawn["edges"])


async def test_schemas_are_told(client: Client, assistant: Any) -> None:
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])

    assert schemas["graph_id"] == "context"
    assert "said" in schemas["input_schema"]["properties"]
    assert "tone" in schemas["context_schema"]["properties"]


async def test_a_run_has_the_context_of_its_assistant(client: Client, assistant: Any) -> None:
    own = await client.runs.wait(None, assistant["assistant_id"], input={})
    given = await client.runs.wait(None, assistant["assistant_id"], input={}, context={"tone": "x"})

    assert (own["said"]["tone"], given["said"]["tone"]) == ("warm", "x")


async def test_an_unknown_graph_is_refused(client: Client) -> None:
    with pytest.raises(NotFoundError, match="nonesuch"):
        await client.assistants.create("nonesuch")
