from __future__ import annotations

import httpx

from assistants.sync import sync_system_assistants
from assistants.system import system_assistant_id
from graphs.registry import graph_ids


def test_the_id_of_a_graphs_assistant_is_what_every_client_computes() -> None:
    assert str(system_assistant_id("agent")) == "fe096781-5601-53d2-b2f6-0d3403f7e9ca"


async def test_each_graph_has_one_assistant(api: httpx.AsyncClient) -> None:
    search = {"metadata": {"created_by": "system"}, "limit": 1000}

    found = (await api.post("/assistants/search", json=search)).json()

    assert sorted(item["graph_id"] for item in found) == sorted(graph_ids())
    assert {item["assistant_id"] for item in found} == {
        str(system_assistant_id(graph_id)) for graph_id in graph_ids()
    }


async def test_a_system_assistant_has_the_keys_of_the_wire(api: httpx.AsyncClient) -> None:
    found = (await api.get("/assistants/agent")).json()

    moments = {found.pop("created_at"), found.pop("updated_at")}
    assert all(moment.endswith("+00:00") for moment in moments)
    assert found == {
        "assistant_id": "fe096781-5601-53d2-b2f6-0d3403f7e9ca",
        "graph_id": "agent",
        "config": {},
        "context": {},
        "metadata": {"created_by": "system"},
        "name": "agent",
        "description": None,
        "version": 1,
    }


async def test_the_description_comes_from_the_project_file(api: httpx.AsyncClient) -> None:
    found = (await api.get("/assistants/echo")).json()

    assert found["description"] == "Answers with what was said last."


async def test_a_second_start_leaves_what_a_user_changed(api: httpx.AsyncClient) -> None:
    await api.patch("/assistants/writer", json={"name": "Scribe"})

    await sync_system_assistants()

    found = (await api.get("/assistants/writer")).json()
    assert found["name"] == "Scribe"
    assert found["version"] >= 2


async def test_a_deleted_system_assistant_is_back_after_a_start(api: httpx.AsyncClient) -> None:
    assert (await api.delete("/assistants/steps")).status_code == 204
    assert (await api.get("/assistants/steps")).status_code == 404

    await sync_system_assistants()

    assert (await api.get("/assistants/steps")).json()["version"] == 1
