from __future__ import annotations

import ast
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from common.config import read_config
from common.tests.servers import environment, serving
from common.user_modules import is_server_module
from graphs.checking import check_graphs
from graphs.projects import TEMPLATES, template_names

every_template = pytest.mark.parametrize("template", template_names())


def start(target: Path, template: str = "react-agent") -> Path:
    call_command("startagent", str(target), template=template, stdout=StringIO())
    return target


def texts(project: Path) -> dict[str, str]:
    files = [file for file in project.rglob("*") if file.is_file()]
    return {str(file.relative_to(project)): file.read_text() for file in files}


def test_the_templates_are_those_that_are_promised() -> None:
    assert template_names() == ["react-agent", "simple-chatbot"]


@every_template
def test_a_new_project_can_be_served_as_it_is(tmp_path: Path, template: str) -> None:
    project = start(tmp_path / "my-helper", template)

    config = read_config(project / "langgraph.json")
    [report] = check_graphs(config)

    assert (report.problem, report.doubts) == (None, ())
    assert report.spec.graph_id == "my_helper"
    assert (config.unknown_keys, config.unserved_keys) == ([], [])


@every_template
def test_everything_has_the_projects_own_name(tmp_path: Path, template: str) -> None:
    written = texts(start(tmp_path / "agent_of_mine", template))

    assert {"README.md", "requirements.txt", ".env.example", ".env", "docker-compose.yml"} <= set(
        written
    )
    assert "agent_of_mine/graph.py" in written
    assert not [name for name, text in written.items() if "my-agent" in text or "my_agent" in text]
    assert "agent_of_mine_of" not in "".join(written.values())


@pytest.mark.parametrize("file", sorted(TEMPLATES.rglob("*.py")), ids=lambda file: file.name)
def test_a_template_imports_nothing_of_the_server(file: Path) -> None:
    imports = [
        name
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        if name
    ]

    assert imports
    assert not [name for name in imports if is_server_module(name.partition(".")[0])]


@pytest.mark.parametrize("name", ["Agent", "1st", "a b", "class", "ä", ".hidden", "-x-"])
def test_a_name_that_python_cannot_import_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="names no project"):
        start(tmp_path / name)

    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["json", "langgraph", "runs"])
def test_the_name_of_an_installed_module_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError, match="is installed here"):
        start(tmp_path / name)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "helper").mkdir()
    (tmp_path / "helper" / "mine.txt").write_text("kept")

    with pytest.raises(CommandError, match="is no empty folder"):
        start(tmp_path / "helper")

    assert texts(tmp_path / "helper") == {"mine.txt": "kept"}


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "helper").mkdir()

    assert (start(tmp_path / "helper") / "langgraph.json").is_file()


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CommandError, match=r"cannot be written: Not a directory"):
        start(tmp_path / "file" / "helper")


def test_an_unknown_template_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"react-agent.*simple-chatbot"):
        call_command("startagent", str(tmp_path / "helper"), "--template", "none")


@pytest.mark.slow
@pytest.mark.timeout(60)
@every_template
def test_a_new_projects_own_test_passes(tmp_path: Path, template: str) -> None:
    project = start(tmp_path / "helper", template)

    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout
    assert "1 passed" in finished.stdout


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    ("template", "said"),
    [("react-agent", "The tool get_time says:"), ("simple-chatbot", "You said")],
)
def test_a_new_project_streams_its_answer_from_a_server(
    tmp_path: Path, template: str, said: str
) -> None:
    config = start(tmp_path / "project" / "helper", template) / "langgraph.json"
    asked = {
        "assistant_id": "helper",
        "input": {"messages": [{"role": "user", "content": "What time is it?"}]},
        "stream_mode": "messages-tuple",
    }

    with serving(tmp_path, AEGRA_CONFIG=str(config)) as server, server.client() as client:
        thread_id = client.post("/threads", json={}).json()["thread_id"]
        answer = client.post(f"/threads/{thread_id}/runs/stream", json=asked)
        state = client.get(f"/threads/{thread_id}/state").json()

    assert answer.text.count("event: messages") > 5, answer.text[:2000]
    assert said in state["values"]["messages"][-1]["content"]
