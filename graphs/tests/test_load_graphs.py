from __future__ import annotations

import logging
from pathlib import Path

import pytest

from common.config import ConfigError
from common.tests.projects import write_project
from graphs.loader import GraphLoadError
from graphs.registry import (
    UnknownGraph,
    graph_ids,
    graph_spec,
    load_graphs,
    loaded_graph,
    use_config,
)

GRAPH = """
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.func import entrypoint
    from langgraph.graph import START, StateGraph

    builder = StateGraph(dict).add_node("n", lambda state: state).add_edge(START, "n")
    graph = builder.compile()
    named = builder.compile(name="mine")
    kept = builder.compile(checkpointer=InMemorySaver())

    @entrypoint()
    async def workflow(given):
        return given
"""


def test_a_compiled_graph_a_builder_and_a_workflow_are_graphs(tmp_path: Path) -> None:
    names = ["graph", "builder", "workflow"]
    graphs = {name: f"./agent.py:{name}" for name in names}
    config = write_project(tmp_path, {"agent.py": GRAPH}, graphs={**graphs})

    with use_config(config):
        assert graph_ids() == names
        assert all(loaded_graph(name).base is not None for name in names)
        assert graph_spec("graph").target == "./agent.py:graph"


def test_a_graph_without_a_name_has_the_name_of_its_id(tmp_path: Path) -> None:
    config = write_project(
        tmp_path, {"agent.py": GRAPH}, graphs={"a": "./agent.py:graph", "b": "./agent.py:named"}
    )

    with use_config(config):
        names = [graph.name for id_ in graph_ids() if (graph := loaded_graph(id_).base)]

    assert names == ["a", "mine"]


def test_a_checkpointer_of_the_users_is_left_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = write_project(tmp_path, {"agent.py": GRAPH}, graphs={"kept": "./agent.py:kept"})

    with caplog.at_level(logging.WARNING), use_config(config):
        load_graphs()
        base = loaded_graph("kept").base

    assert base is not None
    assert base.checkpointer is None
    [warning] = caplog.records
    assert "kept" in warning.getMessage()


def test_an_unknown_graph_is_told_with_those_there_are(tmp_path: Path) -> None:
    config = write_project(tmp_path, {"agent.py": GRAPH}, graphs={"a": "./agent.py:graph"})

    with use_config(config), pytest.raises(UnknownGraph, match="'b' not found; the graphs are: a"):
        graph_spec("b")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import langchain_nothing", "pip install langchain-nothing"),
        ("graph = {}", "a dict is no graph"),
        ("graph = None", "None is no graph"),
        ("from langgraph.graph import StateGraph\ngraph = StateGraph(dict)", "ValueError: .*entry"),
        ("def graph(a, b, c): ...", "parameter `c` is neither"),
        ("def graph(*, settings): ...", "parameter `settings` is neither"),
    ],
)
def test_a_graph_that_cannot_be_loaded_stops_the_start(
    tmp_path: Path, source: str, told: str
) -> None:
    config = write_project(tmp_path, {"agent.py": source}, graphs={"a": "./agent.py:graph"})

    with pytest.raises(GraphLoadError, match=told) as caught, use_config(config):
        pass

    assert str(caught.value).startswith("Graph `a`: ./agent.py:graph: ")


def test_another_project_is_served_only_inside_the_block(tmp_path: Path) -> None:
    one = write_project(tmp_path / "1", {"agent.py": GRAPH}, graphs={"a": "./agent.py:graph"})
    two = write_project(tmp_path / "2", {"agent.py": GRAPH}, graphs={"b": "./agent.py:graph"})

    with use_config(one):
        outer = loaded_graph("a")
        with use_config(two):
            assert graph_ids() == ["b"]
        assert loaded_graph("a") is outer


def test_a_project_that_fails_leaves_the_one_before(tmp_path: Path) -> None:
    good = write_project(tmp_path / "1", {"agent.py": GRAPH}, graphs={"a": "./agent.py:graph"})
    bad = write_project(tmp_path / "2", {}, graphs={})

    with use_config(good):
        with pytest.raises(ConfigError), use_config(bad):
            pass
        assert graph_ids() == ["a"]
