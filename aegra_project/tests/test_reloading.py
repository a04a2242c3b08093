from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from aegra_project import reloading
from aegra_project.reloading import ProjectReloader, _code_folders, _folders_in
from common.config import read_config, use_project
from common.tests.prepared import prepare
from common.tests.processes import wait_until
from common.tests.projects import write_project
from common.tests.servers import LiveServer, serving, starting, traceless

slow = pytest.mark.slow
pytestmark = pytest.mark.timeout(90)

AGENT = """
    import asyncio
    import os
    from langchain_core.messages import AIMessage
    from langgraph.graph import START, MessagesState, StateGraph
    from phrases import GREETING

    async def answer(state):
        await asyncio.sleep(float(state["messages"][-1].content))
        return {"messages": [AIMessage(f"{GREETING} {os.environ['PLACE']}")]}

    graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()
"""


@dataclass(frozen=True, slots=True)
class Project:
    directory: Path
    server: LiveServer

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def answer(self) -> str:
        """Run the graph; empty while the server is not up."""
        body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": "0"}]}}
        answer = self._post("/runs/wait", body)
        return answer["messages"][-1]["content"] if answer else ""

    def graphs(self) -> list[str]:
        return sorted(each["graph_id"] for each in self._post("/assistants/search", {}) or [])

    def assistant(self) -> dict[str, Any]:
        """Return the graph's own assistant; empty while the server is not up."""
        found = self._post("/assistants/search", {"graph_id": "agent"})
        return found[0] if found else {}

    def _post(self, path: str, body: object) -> Any:
        try:
            answer = httpx.post(self.server.url + path, json=body, timeout=20)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None


def graphs_file(*graph_ids: str) -> str:
    graphs = dict.fromkeys(graph_ids, "./agent.py:graph")
    return json.dumps({"graphs": graphs, "env": ".env", "dependencies": ["."]})


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "project"
    write_project(place, {"agent.py": AGENT, "phrases.py": "GREETING = 'Hello'", ".env": "PLACE=A"})
    (place / "langgraph.json").write_text(graphs_file("agent"))
    with traceless(prepare(tmp_path)):
        yield place


@pytest.fixture
def project(directory: Path) -> Iterator[Project]:
    config = str(directory / "langgraph.json")
    with serving(directory.parent, "runserver", AEGRA_CONFIG=config) as server:
        yield Project(directory, server)


@slow
def test_a_changed_graph_is_served(project: Project) -> None:
    assert project.answer() == "Hello A"

    agent = (project.directory / "agent.py").read_text()
    project.write("agent.py", agent.replace("{GREETING}", "{GREETING}, dear"))

    wait_until(lambda: project.answer() == "Hello, dear A")


@slow
def test_a_changed_helper_and_a_changed_env_file_are_served(project: Project) -> None:
    project.write("phrases.py", "GREETING = 'Salut'")
    wait_until(lambda: project.answer() == "Salut A")

    project.write(".env", "PLACE=B")
    wait_until(lambda: project.answer() == "Salut B")


@slow
def test_assistants_follow_the_project_file(project: Project) -> None:
    project.write("langgraph.json", graphs_file("agent", "second"))
    wait_until(lambda: project.graphs() == ["agent", "second"])

    project.write("langgraph.json", graphs_file("second"))
    wait_until(lambda: project.graphs() == ["second"])


@slow
def test_assistants_follow_what_the_project_says_of_their_graph(project: Project) -> None:
    described = {"path": "./agent.py:graph", "description": "Greets."}
    file = json.loads(graphs_file("agent"))
    project.write("langgraph.json", json.dumps({**file, "graphs": {"agent": described}}))
    wait_until(lambda: project.assistant().get("description") == "Greets.")

    project.write(".env", 'PLACE=B\nLANGGRAPH_CONFIG={"agent": {"configurable": {"tone": "dry"}}}')
    wait_until(lambda: project.assistant().get("context") == {"tone": "dry"})
    wait_until(lambda: project.assistant().get("version") == 1)


@slow
@pytest.mark.parametrize(
    ("file", "broken", "told"),
    [
        ("agent.py", "graph = (", "SyntaxError"),
        ("phrases.py", "GREETING = nothing", "NameError: name 'nothing' is not defined"),
        ("langgraph.json", "{", "langgraph.json: is not JSON"),
        (".env", "PLACE=A\nLANGGRAPH_CONFIG={", "LANGGRAPH_CONFIG is not JSON"),
    ],
)
def test_a_mistake_is_told_and_waits_for_its_mend(
    project: Project, file: str, broken: str, told: str
) -> None:
    whole = (project.directory / file).read_text()

    project.write(file, broken)
    wait_until(lambda: told in project.server.said())
    assert "Waiting for a change that mends it" in project.server.said()
    assert "Traceback" not in project.server.said()

    project.write(file, whole)
    wait_until(lambda: project.answer() == "Hello A")


@slow
def test_a_mistake_at_the_first_start_waits_too(directory: Path) -> None:
    config = directory / "langgraph.json"
    config.unlink()
    with starting(directory.parent, "runserver", AEGRA_CONFIG=str(config)) as server:
        wait_until(lambda: "Waiting for a change" in server.said())

        config.write_text(graphs_file("agent"))

        wait_until(lambda: Project(directory, server).answer() == "Hello A")


@slow
def test_ctrl_c_ends_the_wait(directory: Path) -> None:
    (directory / "agent.py").write_text("graph = (")
    config = str(directory / "langgraph.json")
    with starting(directory.parent, "runserver", AEGRA_CONFIG=config) as server:
        wait_until(lambda: "Waiting for a change" in server.said())
        server.press_ctrl_c()

        assert server.process.wait(10) == 0
        assert "Traceback" not in server.said()


@slow
def test_a_run_in_flight_goes_on_after_a_reload(project: Project) -> None:
    with project.server.client() as api:
        thread_id = api.post("/threads", json={}).json()["thread_id"]
        body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": "5"}]}}
        run = api.post(f"/threads/{thread_id}/runs", json=body).json()
        wait_until(lambda: api.get(f"/threads/{thread_id}").json()["status"] == "busy")

        project.write("phrases.py", "GREETING = 'Salut'")

        wait_until(lambda: project.server.said().count("/docs") == 2)
        ended = api.get(f"/threads/{thread_id}/runs/{run['run_id']}/join").json()
        assert ended["messages"][-1]["content"] == "Salut A"


@slow
def test_a_change_while_it_starts_is_served(directory: Path) -> None:
    phrases = directory / "phrases.py"
    # The graph has been read when this has, and the server is not up yet.
    phrases.write_text("import time\ntime.sleep(1)\nGREETING = 'Hello'\nprint('read', flush=True)")
    config = str(directory / "langgraph.json")
    with starting(directory.parent, "runserver", AEGRA_CONFIG=config) as server:
        wait_until(lambda: "read" in server.said())
        phrases.write_text("GREETING = 'Salut'")

        wait_until(lambda: Project(directory, server).answer() == "Salut A")


def test_what_no_graph_imports_is_watched_only_while_the_project_is_broken(directory: Path) -> None:
    example = directory / "example.py"
    example.write_text("print('I am a client')")

    with use_project(read_config(directory / "langgraph.json")):
        assert example not in ProjectReloader().watched_files()
        assert example in ProjectReloader(_code_folders()).watched_files()


class Noting(ProjectReloader):
    """Notes what has changed, where the server would be started again."""

    def __init__(self, *files: Path) -> None:
        super().__init__()
        self.extra_files.update(files)
        self.changed = list[Path]()

    def notify_file_changed(self, path: str | os.PathLike[str]) -> None:
        self.changed.append(Path(path))


def test_what_is_installed_is_looked_at_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading, "WATCH_SECONDS", 0)
    own, installed = tmp_path / "agent.py", tmp_path / "site-packages" / "library.py"
    installed.parent.mkdir()
    reloader = Noting(own, installed)
    for file in (own, installed):
        file.touch()
        os.utime(file, (0, 0))
    looks = reloader.tick()
    next(looks)

    for file in (own, installed):
        os.utime(file, (1, 1))
    next(looks)

    assert reloader.changed == [own]
    for _ in range(reloading.INSTALLED_TURNS):
        next(looks)
    assert reloader.changed == [own, installed]


def test_what_is_installed_in_a_project_is_not_watched(tmp_path: Path) -> None:
    for folder in ("src/agents", ".venv/lib", "env/lib", "node_modules/a", "src/__pycache__"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").touch()

    watched = [str(place.relative_to(tmp_path)) for place in _folders_in(tmp_path)]

    assert sorted(watched) == [".", "src", "src/agents"]


@slow
def test_a_run_created_while_the_old_process_drains_is_executed(project: Project) -> None:
    def create(seconds: int) -> str:
        content = {"role": "user", "content": str(seconds)}
        body = {"assistant_id": "agent", "input": {"messages": [content]}}
        thread_id = api.post("/threads", json={}).json()["thread_id"]
        answer = api.post(f"/threads/{thread_id}/runs", json=body)
        assert answer.status_code == 200, answer.text
        return f"/threads/{thread_id}"

    with project.server.client() as api:
        path = create(60)
        wait_until(lambda: api.get(path).json()["status"] == "busy")
        project.write("phrases.py", "GREETING = 'Salut'")
        wait_until(lambda: " changed, reloading" in project.server.said())

        late = create(0)

        wait_until(lambda: project.server.said().count("/docs") == 2)
        wait_until(lambda: api.get(late).json()["status"] == "idle")
