"""What a graph is given to know: configuration, metadata, context."""

from __future__ import annotations

from typing import Any

import httpx

from tests.streaming import MakeThread


async def mirrored(api: httpx.AsyncClient, thread_id: str, **fields: Any) -> Any:
    """Return what the graph `mirror` was given."""
    body = {"assistant_id": "mirror", "input": {}, **fields}
    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=body)
    return answer.json()["value"]


async def test_the_configuration_that_reaches_a_graph(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    told = await mirrored(
        api,
        thread_id,
        config={"configurable": {"model": "m"}, "tags": ["t"], "recursion_limit": 7},
    )

    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    configurable = told["configurable"]
    assert (
        configurable.items()
        >= {
            "model": "m",
            "run_id": run["run_id"],
            "thread_id": thread_id,
            "graph_id": "mirror",
            "assistant_id": run["assistant_id"],
            "user_id": "",
            "langgraph_auth_user": None,
            "langgraph_auth_user_id": "",
            "langgraph_auth_permissions": [],
        }.items()
    )
    assert configurable["langgraph_request_id"]
    assert "t" in told["tags"]
    assert told["recursion_limit"] == 7


async def test_a_client_cannot_pass_for_somebody(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    forged = {
        "langgraph_auth_user": {"identity": "root"},
        "langgraph_auth_user_id": "root",
        "langgraph_auth_permissions": ["all"],
        "user_id": "root",
        "thread_id": "other",
    }

    told = await mirrored(api, await thread(), config={"configurable": forged})

    assert "root" not in str(told)
    assert "other" not in str(told)


async def test_the_metadata_that_reaches_a_graph(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"owner": "ada", "run_id": "forged"})

    told = await mirrored(api, thread_id, metadata={"colour": "red"})

    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    metadata = told["metadata"]
    assert (
        metadata.items()
        >= {
            "owner": "ada",
            "colour": "red",
            "created_by": "system",
            "graph_id": "mirror",
            "assistant_id": run["assistant_id"],
            "run_id": run["run_id"],
            "thread_id": thread_id,
            "run_attempt": 1,
        }.items()
    )
    assert {"langgraph_version", "langgraph_api_version", "langgraph_host"} <= metadata.keys()


async def test_the_request_id_reaches_the_graph(api: httpx.AsyncClient, thread: MakeThread) -> None:
    answer = await api.post(
        f"/threads/{await thread()}/runs/wait",
        json={"assistant_id": "mirror", "input": {}},
        headers={"x-request-id": "of-this-test"},
    )

    assert answer.json()["value"]["configurable"]["langgraph_request_id"] == "of-this-test"


async def test_a_later_run_inherits_what_an_earlier_one_configured(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    await mirrored(api, thread_id, config={"configurable": {"model": "m", "tone": "dry"}})

    told = await mirrored(api, thread_id, config={"configurable": {"tone": "kind"}})

    assert (told["configurable"]["model"], told["configurable"]["tone"]) == ("m", "kind")


async def test_an_assistants_settings_are_the_ground(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    assistant = await api.post(
        "/assistants",
        json={
            "graph_id": "mirror",
            "config": {"configurable": {"model": "a", "tone": "dry"}, "recursion_limit": 9},
            "metadata": {"team": "blue"},
        },
    )
    name = assistant.json()["assistant_id"]

    told = await mirrored(
        api, await thread(), assistant_id=name, config={"configurable": {"tone": "kind"}}
    )

    assert (told["configurable"]["model"], told["configurable"]["tone"]) == ("a", "kind")
    assert told["recursion_limit"] == 9
    assert (told["metadata"]["team"], told["configurable"]["assistant_id"]) == ("blue", name)


async def test_context_is_of_the_graphs_own_schema(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    body: dict[str, Any] = {"assistant_id": "context", "input": {}}

    given = await api.post(path, json={**body, "context": {"tone": "dry", "unknown": 1}})
    configured = await api.post(
        f"/threads/{await thread()}/runs/wait",
        json={**body, "config": {"configurable": {"tone": "kind", "model": "m"}}},
    )
    neither = await api.post(f"/threads/{await thread()}/runs/wait", json=body)

    assert given.json()["said"]["tone"] == "dry"
    assert configured.json()["said"] == {"tone": "kind", "model": "m"}
    assert neither.json()["said"] == {"tone": "plain", "model": None}


async def test_context_reaches_a_graph_without_a_schema_as_it_is(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    told = await mirrored(api, await thread(), context={"a": [1]})

    assert told["context"] == {"a": [1]}
    assert told["configurable"]["a"] == [1]


async def test_a_factory_is_told_what_the_run_was_given(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    body = {"assistant_id": "factory", "input": {}}

    answer = await api.post(
        f"/threads/{await thread()}/runs/wait",
        json={**body, "config": {"configurable": {"model": "m"}}},
    )

    assert answer.json()["said"] == {
        "access": "threads.create_run",
        "model": "m",
        "user": None,
        "context": {"model": "m"},
    }
