from __future__ import annotations

from typing import Any

import httpx
import pytest


async def drawn(api: httpx.AsyncClient, graph: str, **params: Any) -> dict[str, Any]:
    answer = await api.get(f"/assistants/{graph}/graph", params=params)
    assert answer.status_code == 200, answer.text
    drawing: dict[str, Any] = answer.json()
    return drawing


async def test_a_graph_is_drawn_as_the_reference_draws_it(api: httpx.AsyncClient) -> None:
    assert await drawn(api, "agent") == {
        "nodes": [
            {"id": "__start__", "type": "runnable", "data": {"name": "__start__"}},
            {"id": "call", "type": "runnable", "data": {"name": "call"}},
            {"id": "__end__"},
        ],
        "edges": [
            {"source": "__start__", "target": "call"},
            {"source": "call", "target": "__end__"},
        ],
    }


@pytest.mark.parametrize("xray", ["true", "True", "yes", "1", "2"])
async def test_xray_opens_the_subgraphs(api: httpx.AsyncClient, xray: str) -> None:
    closed = await drawn(api, "parent")
    opened = await drawn(api, "parent", xray=xray)

    assert "sub" in {node["id"] for node in closed["nodes"]}
    assert "sub:call" in {node["id"] for node in opened["nodes"]}


@pytest.mark.parametrize(
    ("xray", "opened"),
    [
        ("false", {"parent"}),
        ("1", {"parent:pre", "parent:sub"}),
        ("2", {"parent:pre", "parent:sub:call"}),
        ("3", {"parent:pre", "parent:sub:call"}),
        ("true", {"parent:pre", "parent:sub:call"}),
    ],
)
async def test_xray_opens_so_many_levels(
    api: httpx.AsyncClient, xray: str, opened: set[str]
) -> None:
    drawing = await drawn(api, "grand", xray=xray)

    ends = {"__start__", "__end__"}
    nodes = {node["id"] for node in drawing["nodes"]}
    assert {node for node in nodes if node.rpartition(":")[2] not in ends} == opened
    edges = drawing["edges"]
    assert {edge["source"] for edge in edges} | {edge["target"] for edge in edges} == nodes


@pytest.mark.parametrize("xray", ["0", "-1", "many", "101", "1.5"])
async def test_another_xray_is_422(api: httpx.AsyncClient, xray: str) -> None:
    answer = await api.get("/assistants/parent/graph", params={"xray": xray})

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("xray: ")


async def test_a_factorys_graph_is_drawn(api: httpx.AsyncClient) -> None:
    assert "tell" in {node["id"] for node in (await drawn(api, "factory"))["nodes"]}


@pytest.mark.parametrize("question", ["graph", "schemas"])
async def test_a_broken_factory_is_424_and_says_why(api: httpx.AsyncClient, question: str) -> None:
    answer = await api.get(f"/assistants/broken/{question}")

    assert answer.status_code == 424
    detail = answer.json()["detail"]
    assert "`broken`" in detail
    assert "makers.py" in detail
    assert "no model behind this factory" in detail


async def test_a_missing_assistant_has_no_graph(api: httpx.AsyncClient) -> None:
    missing = "00000000-0000-0000-0000-000000000000"

    assert (await api.get(f"/assistants/{missing}/graph")).status_code == 404
    assert (await api.get(f"/assistants/{missing}/schemas")).status_code == 404
    assert (await api.get("/assistants/nobody/graph")).status_code == 422


async def test_schemas_have_the_keys_of_the_wire(api: httpx.AsyncClient) -> None:
    found = (await api.get("/assistants/context/schemas")).json()

    assert found.keys() == {
        "graph_id",
        "input_schema",
        "output_schema",
        "state_schema",
        "config_schema",
        "context_schema",
    }
    assert found["graph_id"] == "context"
    assert found["context_schema"]["properties"]["tone"]["type"] == "string"
    assert "said" in found["state_schema"]["properties"]


async def test_a_graph_without_a_context_has_no_schema_of_it(api: httpx.AsyncClient) -> None:
    found = (await api.get("/assistants/agent/schemas")).json()

    assert found["context_schema"] is None
    assert "messages" in found["input_schema"]["properties"]
