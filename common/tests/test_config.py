from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from common.config import (
    ConfigError,
    GraphSpec,
    apply_env,
    find_config,
    import_directories,
    read_config,
)
from common.jsoncodec import Json
from common.tests.projects import write_project

GRAPHS: dict[str, Json] = {"agent": "./agent.py:graph"}


def test_the_file_named_by_the_setting_is_taken(tmp_path: Path, settings: Settings) -> None:
    config = write_project(tmp_path, {}, graphs=GRAPHS)
    settings.AEGRA_CONFIG = str(config)

    assert find_config() == config


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, settings: Settings) -> None:
    settings.AEGRA_CONFIG = str(tmp_path / "none.json")

    with pytest.raises(ConfigError, match=r"none\.json.*AEGRA_CONFIG"):
        find_config()


def test_aegra_json_comes_before_langgraph_json(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AEGRA_CONFIG = ""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, {}, graphs=GRAPHS)
    assert find_config().name == "langgraph.json"

    (tmp_path / "aegra.json").write_text("{}")

    assert find_config().name == "aegra.json"


def test_no_file_at_all_says_which_setting_to_set(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AEGRA_CONFIG = ""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="set AEGRA_CONFIG"):
        find_config()


def test_a_graph_is_a_path_or_a_path_with_a_description(tmp_path: Path) -> None:
    described: Json = {"path": "pkg.module:make", "description": "Makes"}
    path = write_project(tmp_path, {}, graphs={**GRAPHS, "b": described})

    config = read_config(path)

    assert config.directory == tmp_path
    assert config.graphs == {
        "agent": GraphSpec(graph_id="agent", target="./agent.py:graph"),
        "b": GraphSpec(graph_id="b", target="pkg.module:make", description="Makes"),
    }


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "`graphs` must name at least one"),
        ({"graphs": {}}, "`graphs` must name at least one"),
        ({"graphs": {"a": 1}}, "`graphs.a` must be"),
        ({"graphs": {"a": "./agent.py"}}, "`graphs.a` must be"),
        ({"graphs": {"a": "./agent.ts:graph"}}, "`graphs.a` is a JavaScript graph"),
        ({"graphs": {"a": {"path": "x:y", "description": 1}}}, "`graphs.a.description`"),
        ({"graphs": GRAPHS, "dependencies": "."}, "`dependencies` must be a list"),
        ({"graphs": GRAPHS, "dependencies": ["./none"]}, r"`dependencies` names \./none"),
        ({"graphs": GRAPHS, "env": ["A"]}, "`env` must be"),
        ({"graphs": GRAPHS, "env": {"A": []}}, "`env.A` must be a string"),
        ({"graphs": GRAPHS, "http": []}, "`http` must be an object"),
    ],
)
def test_an_error_names_file_and_key_on_one_line(
    tmp_path: Path, keys: dict[str, Json], told: str
) -> None:
    path = write_project(tmp_path, {}, **keys)

    with pytest.raises(ConfigError, match=told) as caught:
        read_config(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{ // comment\n}"])
def test_what_is_no_json_object_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "langgraph.json"
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"langgraph\.json: "):
        read_config(path)


def test_keys_for_building_an_image_are_accepted_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_project(
        tmp_path, {}, graphs=GRAPHS, python_version="3.11", dockerfile_lines=["RUN true"]
    )

    read_config(path)

    assert not caplog.records


def test_unknown_keys_and_unserved_ones_are_named_in_one_warning_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_project(
        tmp_path,
        {},
        graphs=GRAPHS,
        grpahs={},
        colour="red",
        store={"index": {}, "path": "./store.py:make"},
        auth={"path": "./auth.py:auth"},
        webhooks={},
        ui={},
    )

    config = read_config(path)

    unknown, unserved = [record.getMessage() for record in caplog.records]
    assert unknown.endswith("colour, grpahs")
    assert unserved.endswith("ui, store.path, auth.path")
    assert config.auth == {"path": "./auth.py:auth"}


def test_the_environment_wins_over_a_dotenv_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = '# a comment\nKEPT=file\nexport QUOTED="a b" # why\n'
    path = write_project(tmp_path, {"dev.env": written}, graphs=GRAPHS, env="dev.env")
    monkeypatch.setenv("KEPT", "real")
    monkeypatch.setenv("QUOTED", "")  # so that it is put back
    monkeypatch.delenv("QUOTED")

    apply_env(read_config(path))

    assert (os.environ["KEPT"], os.environ["QUOTED"]) == ("real", "a b")


def test_a_dotenv_file_that_is_not_there_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_project(tmp_path, {}, graphs=GRAPHS, env=".env")

    assert read_config(path).env == {}
    assert "`env` names" in caplog.text


def test_variables_in_the_file_itself_win_over_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_project(tmp_path, {}, graphs=GRAPHS, env={"CHANGED": "file", "FLAG": True})
    monkeypatch.setenv("CHANGED", "real")
    monkeypatch.setenv("FLAG", "")

    apply_env(read_config(path))

    assert (os.environ["CHANGED"], os.environ["FLAG"]) == ("file", "true")


def test_code_is_imported_from_the_project_and_its_local_dependencies(tmp_path: Path) -> None:
    files = {"flat/tools.py": "", "lib/src/lib/__init__.py": "", "a/pkg/__init__.py": ""}
    dependencies: list[Json] = [".", "./flat", "./lib", "./a/pkg", "langchain-openai"]
    path = write_project(tmp_path, files, graphs=GRAPHS, dependencies=dependencies)

    found = import_directories(read_config(path))

    expected = [".", "flat", "lib", "lib/src", "a/pkg", "a"]
    assert found == [(tmp_path / name).resolve() for name in expected]
