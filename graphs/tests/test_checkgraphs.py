from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from common.config import read_config
from common.jsoncodec import Json
from common.tests.projects import write_project
from graphs.checking import GraphReport, check_graphs
from graphs.registry import graph_ids, use_config

GRAPH = """
    from contextlib import asynccontextmanager
    from langgraph.graph import START, StateGraph
    from pydantic import BaseModel

    class Socket:
        pass

    class Model(BaseModel, arbitrary_types_allowed=True):
        socket: Socket

    def step(state: dict) -> dict:
        return state

    builder = StateGraph(dict).add_node("step", step).add_edge(START, "step")
    graph = builder.compile()
    odd = StateGraph(Model).add_node("step", step).add_edge(START, "step")

    def leaves():
        raise SystemExit("no key")

    @asynccontextmanager
    async def cannot_close():
        yield graph
        raise ConnectionError("gone")

    class Undrawn(type(graph)):
        async def aget_graph(self, *args, **kwargs):
            raise RuntimeError("no pen")

    def undrawn():
        made = builder.compile()
        made.__class__ = Undrawn
        return made
"""


def checked(directory: Path, source: str, *names: str) -> list[GraphReport]:
    graphs: dict[str, Json] = {name: f"./agent.py:{name}" for name in names}
    return list(
        check_graphs(read_config(write_project(directory, {"agent.py": source}, graphs=graphs)))
    )


@pytest.fixture
def told(settings: Settings) -> Callable[[Path], str]:
    """Return what the command says of a project."""

    def tell(config: Path) -> str:
        settings.AEGRA_CONFIG = str(config)
        out = StringIO()
        call_command("checkgraphs", stdout=out)
        return out.getvalue()

    return tell


def test_a_good_graph_is_told_with_nodes_and_schemas(tmp_path: Path) -> None:
    [report] = checked(tmp_path, GRAPH, "graph")

    assert (report.problem, report.doubts) == (None, ())
    assert report.nodes == ("step",)
    assert report.schemas == ("input", "output", "state")


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("none", "has no `none`; it has "),
        ("Socket", "a Socket is no graph"),
        ("leaves", r"SystemExit: no key \(.*agent\.py:20\)$"),
        ("cannot_close", r"ConnectionError: gone \(.*agent\.py:25\)$"),
    ],
)
def test_a_broken_graph_is_told_with_file_symbol_and_cause(
    tmp_path: Path, name: str, cause: str
) -> None:
    [report] = checked(tmp_path, GRAPH, name)

    assert report.problem is not None
    assert report.problem.startswith(f"Graph `{name}`: ./agent.py:{name}: ")
    assert "\n" not in report.problem
    assert re.search(cause, report.problem), report.problem


def test_what_a_graph_can_be_served_without_is_a_doubt(tmp_path: Path) -> None:
    odd, undrawn = checked(tmp_path, GRAPH, "odd", "undrawn")

    assert "its input" in odd.doubts[0]
    assert "no pen" in undrawn.doubts[0]
    assert (odd.problem, undrawn.problem) == (None, None)


def test_one_broken_graph_does_not_hide_the_others(tmp_path: Path) -> None:
    reports = checked(tmp_path, GRAPH, "none", "graph", "leaves", "builder")

    assert [report.problem is None for report in reports] == [False, True, False, True]


def test_a_factory_that_does_not_return_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphs.checking.OPEN_SECONDS", 0.05)
    source = "import asyncio\nasync def waits():\n    await asyncio.sleep(60)"

    [report] = checked(tmp_path, source, "waits")

    assert (report.problem or "").endswith("not made within 0.05 s.")


def test_checking_leaves_the_project_that_is_served(tmp_path: Path) -> None:
    graphs: dict[str, Json] = {"a": "./agent.py:graph"}
    served = write_project(tmp_path / "served", {"agent.py": GRAPH}, graphs=graphs)

    with use_config(served):
        checked(tmp_path / "other", GRAPH, "builder")

        assert graph_ids() == ["a"]


def test_the_command_ends_well_when_every_graph_can_be_served(
    tmp_path: Path, told: Callable[[Path], str]
) -> None:
    graphs: dict[str, Json] = {"a": "./agent.py:graph", "b": "./agent.py:builder"}

    text = told(write_project(tmp_path, {"agent.py": GRAPH}, graphs=graphs))

    assert "ok       b: ./agent.py:builder" in text
    assert text.endswith("2 graphs, none broken.\n")


def test_the_command_fails_when_a_graph_is_broken(
    tmp_path: Path, told: Callable[[Path], str]
) -> None:
    config = write_project(tmp_path, {"agent.py": GRAPH}, graphs={"a": "./agent.py:none"})

    with pytest.raises(SystemExit) as caught:
        told(config)

    assert caught.value.code == 1


def test_keys_that_have_no_effect_are_told(tmp_path: Path, told: Callable[[Path], str]) -> None:
    graphs: dict[str, Json] = {"a": "./agent.py:graph"}
    config = write_project(tmp_path, {"agent.py": GRAPH}, graphs=graphs, colour="red", ui={})

    text = told(config)

    assert "unknown keys, ignored: colour" in text
    assert "does not serve yet: ui" in text


def test_a_project_file_that_cannot_be_read_is_one_line(
    tmp_path: Path, told: Callable[[Path], str]
) -> None:
    with pytest.raises(CommandError, match=r"none\.json: AEGRA_CONFIG names this file"):
        told(tmp_path / "none.json")
