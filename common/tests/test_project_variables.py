from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from common.config import ConfigError, GraphSpec, find_config, read_config
from common.jsoncodec import Json
from common.tests.projects import write_project

GRAPHS: dict[str, Json] = {"agent": "./agent.py:graph"}


def test_graphs_of_the_variable_replace_those_of_the_file(
    tmp_path: Path, settings: Settings
) -> None:
    settings.LANGSERVE_GRAPHS = '{"b": {"path": "pkg.b:make", "description": "B"}}'

    config = read_config(write_project(tmp_path, {}, graphs=GRAPHS))

    assert config.graphs == {
        "b": GraphSpec(graph_id="b", target="pkg.b:make", description="B"),
    }


def test_with_graphs_from_the_variable_no_file_is_needed(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AEGRA_CONFIG = ""
    settings.LANGSERVE_GRAPHS = '{"b": "./b.py:graph"}'
    monkeypatch.chdir(tmp_path)

    config = read_config(find_config())

    assert (config.directory, list(config.graphs)) == (tmp_path.resolve(), ["b"])


def test_a_file_that_is_named_must_be_there_all_the_same(
    tmp_path: Path, settings: Settings
) -> None:
    settings.LANGSERVE_GRAPHS = '{"b": "./b.py:graph"}'
    settings.AEGRA_CONFIG = str(tmp_path / "none.json")

    with pytest.raises(ConfigError, match=r"none\.json.*does not exist"):
        find_config()


@pytest.mark.parametrize(
    ("variable", "section"),
    [
        ("LANGGRAPH_STORE", "store"),
        ("LANGGRAPH_CHECKPOINTER", "checkpointer"),
        ("LANGGRAPH_AUTH", "auth"),
        ("LANGGRAPH_HTTP", "http"),
        ("LANGGRAPH_WEBHOOKS", "webhooks"),
    ],
)
def test_a_section_of_the_variable_replaces_the_files(
    tmp_path: Path, settings: Settings, variable: str, section: str
) -> None:
    setattr(settings, variable, '{"a": 1}')
    keys: dict[str, Json] = {"graphs": GRAPHS, section: {"b": 2}}

    config = read_config(write_project(tmp_path, {}, **keys))

    assert getattr(config, section) == {"a": 1}
    assert config.raw[section] == {"a": 1}


def test_the_mount_prefix_joins_the_other_keys_of_http(tmp_path: Path, settings: Settings) -> None:
    settings.MOUNT_PREFIX = "/agents"
    http: Json = {"mount_prefix": "/api", "disable_mcp": True}

    config = read_config(write_project(tmp_path, {}, graphs=GRAPHS, http=http))

    assert config.http == {"mount_prefix": "/agents", "disable_mcp": True}


def test_a_variable_configures_the_assistant_of_a_graph(tmp_path: Path, settings: Settings) -> None:
    settings.LANGGRAPH_CONFIG = '{"agent": {"configurable": {"model": "a"}, "tags": ["t"]}}'

    config = read_config(write_project(tmp_path, {}, graphs={**GRAPHS, "b": "./b.py:graph"}))

    assert config.graphs["agent"].config == {"configurable": {"model": "a"}, "tags": ["t"]}
    assert config.graphs["b"].config == {}


def test_a_variable_may_stand_in_the_projects_own_environment(
    tmp_path: Path, settings: Settings
) -> None:
    written = 'LANGGRAPH_CONFIG={"agent": {"recursion_limit": 5}}\nMOUNT_PREFIX=/file\n'
    path = write_project(tmp_path, {".env": written}, graphs=GRAPHS, env=".env")
    settings.MOUNT_PREFIX = "/real"

    config = read_config(path)

    assert config.graphs["agent"].config == {"recursion_limit": 5}
    assert config.http == {"mount_prefix": "/real"}


def test_what_stands_in_the_file_itself_wins_over_the_environment(
    tmp_path: Path, settings: Settings
) -> None:
    settings.MOUNT_PREFIX = "/real"

    config = read_config(write_project(tmp_path, {}, graphs=GRAPHS, env={"MOUNT_PREFIX": "/file"}))

    assert config.http == {"mount_prefix": "/file"}


@pytest.mark.parametrize(
    ("variable", "text", "told"),
    [
        ("LANGSERVE_GRAPHS", "{", "LANGSERVE_GRAPHS is not JSON: "),
        ("LANGSERVE_GRAPHS", "[]", "LANGSERVE_GRAPHS must be a JSON object, like "),
        ("LANGSERVE_GRAPHS", "{}", "LANGSERVE_GRAPHS: `graphs` must name at least one"),
        ("LANGSERVE_GRAPHS", '{"a": "b"}', "LANGSERVE_GRAPHS: `graphs.a` must be a string"),
        ("LANGGRAPH_STORE", "1", "LANGGRAPH_STORE must be a JSON object, like "),
        ("LANGGRAPH_HTTP", "\udcff", "LANGGRAPH_HTTP is not JSON: "),
        ("LANGGRAPH_CONFIG", '"a"', "LANGGRAPH_CONFIG must be a JSON object, like "),
        (
            "LANGGRAPH_CONFIG",
            '{"agnet": {}}',
            "LANGGRAPH_CONFIG names the graph `agnet`; the graphs are: agent.",
        ),
        (
            "LANGGRAPH_CONFIG",
            '{"agent": {"configurable": 1}}',
            "LANGGRAPH_CONFIG: `agent`: configurable must be an object.",
        ),
        ("LANGGRAPH_CONFIG", '{"agent": []}', "LANGGRAPH_CONFIG: `agent`: must be an object."),
    ],
    ids=range(10),
)
def test_a_wrong_variable_is_told_by_name_on_one_line(
    tmp_path: Path, settings: Settings, variable: str, text: str, told: str
) -> None:
    setattr(settings, variable, text)

    with pytest.raises(ConfigError) as caught:
        read_config(write_project(tmp_path, {}, graphs=GRAPHS))

    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)
