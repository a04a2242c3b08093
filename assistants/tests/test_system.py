from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pytest_django import Settings

from assistants.sync import sync_system_assistants
from assistants.system import system_assistant_id
from common.jsoncodec import Json
from common.tests.projects import write_project
from graphs.registry import graph_ids, use_config


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


TELLING = """
    from typing import Any, TypedDict
    from langgraph.graph import START, StateGraph

    class State(TypedDict, total=False):
        told: Any

    async def tell(state, config):
        return {"told": config["configurable"].get("model")}

    graph = StateGraph(State).add_node(tell).add_edge(START, "tell").compile()
    named = StateGraph(State).add_node(tell).add_edge(START, "tell").compile(name="Teller")
"""
MODEL = '{{"{graph}": {{"configurable": {{"model": "{model}"}}, "tags": ["t"]}}}}'


class Project:
    """A project of one graph, of a name that no other test has."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.graph = f"g{uuid4().hex}"
        self.assistant_id = str(system_assistant_id(self.graph))
        self._directory = directory
        self._settings = settings

    @contextmanager
    def served(
        self, *, path: str = "./agent.py:graph", description: str | None = None, model: str = ""
    ) -> Iterator[None]:
        entry: Json = {"path": path, "description": description}
        self._settings.LANGGRAPH_CONFIG = (
            MODEL.format(graph=self.graph, model=model) if model else ""
        )
        config = write_project(self._directory, {"agent.py": TELLING}, graphs={self.graph: entry})
        with use_config(config):
            yield


@pytest.fixture
def project(tmp_path: Path, settings: Settings) -> Project:
    return Project(tmp_path, settings)


async def test_the_assistant_of_a_graph_is_configured_by_a_variable(
    api: httpx.AsyncClient, project: Project
) -> None:
    with project.served(model="a"):
        await sync_system_assistants()
        found = (await api.get(f"/assistants/{project.graph}")).json()
        run = await api.post("/runs/wait", json={"assistant_id": project.graph, "input": {}})

    assert found["config"] == {"configurable": {"model": "a"}, "tags": ["t"]}
    assert found["context"] == {"model": "a"}
    assert run.json()["told"] == "a"


async def test_the_assistant_of_a_graph_keeps_in_step_with_the_project(
    api: httpx.AsyncClient, project: Project
) -> None:
    with project.served(description="Old.", model="a"):
        await sync_system_assistants()
        before = (await api.get(f"/assistants/{project.graph}")).json()

    with project.served(path="./agent.py:named", description="New.", model="b"):
        await sync_system_assistants()
        after = (await api.get(f"/assistants/{project.graph}")).json()
        [version] = (await api.post(f"/assistants/{project.graph}/versions", json={})).json()

    assert (before["name"], before["description"]) == (project.graph, "Old.")
    assert (after["name"], after["description"], after["version"]) == ("Teller", "New.", 1)
    assert (before["context"], after["context"]) == ({"model": "a"}, {"model": "b"})
    assert after["updated_at"] > before["updated_at"]
    assert version == {key: after[key] for key in version}


async def test_a_start_that_changes_nothing_leaves_the_row_alone(
    api: httpx.AsyncClient, project: Project
) -> None:
    with project.served(description="Same.", model="a"):
        await sync_system_assistants()
        before = (await api.get(f"/assistants/{project.graph}")).json()

        await sync_system_assistants()

        assert (await api.get(f"/assistants/{project.graph}")).json() == before


async def test_what_a_user_changed_stays_and_version_1_is_the_way_back_to_the_project(
    api: httpx.AsyncClient, project: Project
) -> None:
    place = f"/assistants/{project.graph}"
    with project.served(model="a"):
        await sync_system_assistants()
        await api.patch(place, json={"context": {"model": "mine"}})

    with project.served(model="b"):
        await sync_system_assistants()
        kept = (await api.get(place)).json()
        back = (await api.post(f"{place}/latest", json={"version": 1})).json()

    assert (kept["version"], kept["context"]) == (2, {"model": "mine"})
    assert (back["version"], back["context"]) == (1, {"model": "b"})


async def test_an_assistant_of_a_user_that_has_a_graphs_id_is_left_to_them(
    api: httpx.AsyncClient, assistant: Callable[..., Awaitable[Any]], project: Project
) -> None:
    mine = await assistant(assistant_id=project.assistant_id, name="mine")

    with project.served(description="New."):
        await sync_system_assistants()

    assert (await api.get(f"/assistants/{project.assistant_id}")).json() == mine
