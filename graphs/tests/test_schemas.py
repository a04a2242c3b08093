from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.errors import NotFound, Unprocessable
from common.tests.projects import write_project
from graphs.loader import Graph
from graphs.registry import loaded_graph, use_config
from graphs.schemas import graph_drawing, graph_schemas, subgraph_schemas

TEST_GRAPHS = Path(__file__).parents[2] / "tests" / "graphs" / "langgraph.json"

ODD = """
    from typing import NotRequired, TypedDict
    from langgraph.func import entrypoint
    from langgraph.graph import START, StateGraph
    from pydantic import BaseModel

    class Socket:
        pass

    class State(TypedDict):
        question: str
        model_config: NotRequired[int]
        socket: Socket

    class Ctx(TypedDict):
        tone: str

    class Private(TypedDict, total=False):
        socket: Socket

    odd = StateGraph(State, context_schema=Ctx, output_schema=Private)
    odd.add_node("n", lambda state: None, metadata={"colour": "red"}).add_edge(START, "n")

    class Model(BaseModel, arbitrary_types_allowed=True):
        socket: Socket

    model = StateGraph(Model).add_node("n", lambda state: None).add_edge(START, "n")

    @entrypoint()
    async def workflow(given: int) -> str:
        return str(given)
"""


@pytest.fixture(scope="module", autouse=True)
def _project() -> Iterator[None]:
    with use_config(TEST_GRAPHS):
        yield


def base(graph_id: str) -> Graph:
    found = loaded_graph(graph_id).base
    assert found is not None
    return found


def test_a_graph_tells_its_schemas() -> None:
    schemas = graph_schemas(base("agent"))

    assert {name for name, schema in schemas.items() if schema} == {
        "input_schema",
        "output_schema",
        "state_schema",
    }
    described: Any = schemas["input_schema"]
    assert described["properties"]["messages"]["type"] == "array"
    assert described["required"] == ["messages"]


def test_the_context_is_told_under_both_names() -> None:
    schemas = graph_schemas(base("context"))

    described: Any = schemas["context_schema"]
    assert described["properties"] == {
        "tone": {"default": "plain", "title": "Tone", "type": "string"}
    }
    assert schemas["config_schema"] == described


def test_schemas_are_derived_once() -> None:
    assert graph_schemas(base("steps")) is graph_schemas(base("steps"))


def test_a_field_that_cannot_be_described_may_be_anything(tmp_path: Path) -> None:
    config = write_project(tmp_path, {"agent.py": ODD}, graphs={"odd": "./agent.py:odd"})

    with use_config(config):
        schemas: Any = graph_schemas(base("odd"))

    assert schemas["input_schema"]["required"] == ["question", "socket"]
    assert schemas["input_schema"]["properties"]["socket"] == {"title": "Socket"}
    assert schemas["output_schema"]["properties"] == {"socket": {"title": "Socket"}}
    assert schemas["state_schema"]["properties"]["question"]["type"] == "string"
    assert schemas["context_schema"]["required"] == ["tone"]


def test_what_cannot_be_derived_is_null(tmp_path: Path) -> None:
    graphs = {"model": "./agent.py:model", "workflow": "./agent.py:workflow"}
    config = write_project(tmp_path, {"agent.py": ODD}, graphs={**graphs})

    with use_config(config):
        model, workflow = graph_schemas(base("model")), graph_schemas(base("workflow"))

    assert model["input_schema"] is None
    assert (model["state_schema"] or {})["properties"] == {"socket": {"title": "Socket"}}
    assert workflow["state_schema"] is None
    assert (workflow["input_schema"] or {})["type"] == "integer"
    assert (workflow["output_schema"] or {})["type"] == "string"


async def test_a_drawing_has_the_platforms_shape() -> None:
    assert await graph_drawing(base("agent")) == {
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


async def test_conditional_edges_are_marked() -> None:
    drawing: Any = await graph_drawing(base("steps"))

    assert {"source": "step", "target": "__end__", "conditional": True} in drawing["edges"]


@pytest.mark.parametrize(("xray", "node"), [(False, "sub"), (True, "sub:call"), (1, "sub:call")])
async def test_xray_opens_the_subgraphs(xray: bool | int, node: str) -> None:
    drawing: Any = await graph_drawing(base("parent"), xray=xray)

    assert node in [found["id"] for found in drawing["nodes"]]


def test_subgraphs_are_told_by_namespace() -> None:
    found = subgraph_schemas(base("parent"))

    assert list(found) == list(subgraph_schemas(base("parent"), namespace="sub")) == ["sub"]
    assert found["sub"]["input_schema"]


REMOTE = """
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.pregel.remote import RemoteGraph

    far = RemoteGraph("far", url="http://127.0.0.1:1")
    graph = StateGraph(MessagesState).add_node("far", far).add_edge(START, "far").compile()
"""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Graph]:
    """A graph inside which is one of a server that does not answer."""
    config = write_project(tmp_path, {"agent.py": REMOTE}, graphs={"remote": "./agent.py:graph"})
    with use_config(config):
        yield base("remote")


async def test_a_graph_that_cannot_be_opened_is_drawn_closed_only(remote: Graph) -> None:
    closed: Any = await graph_drawing(remote)

    assert "far" in {node["id"] for node in closed["nodes"]}
    with pytest.raises(Unprocessable, match=r"The graph cannot be drawn: \w+: "):
        await graph_drawing(remote, xray=True)


def test_schemas_that_a_subgraph_cannot_tell_are_null(remote: Graph) -> None:
    found = subgraph_schemas(remote, recurse=True)

    assert found.keys() == {"far"}
    assert found["far"]["state_schema"] is None


def test_a_namespace_without_a_subgraph_is_not_found() -> None:
    with pytest.raises(NotFound, match="no subgraph 'none'; its subgraphs are: sub"):
        subgraph_schemas(base("parent"), namespace="none")
