"""Servers for the official clients: every graph, a database of their own, and a clean end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from common.tests.prepared import prepare
from common.tests.processes import ROOT, nothing_left
from common.tests.servers import LiveServer, starting

COMMANDS = {
    "serve": ["serve"],
    "runserver": ["runserver", "--noreload"],
    "reloading": ["runserver"],
}


@contextmanager
def serving(
    command: str, *, config: Path, database_url: str = "", **env: str
) -> Iterator[LiveServer]:
    """Serve by one of COMMANDS; fails when the server does not end well and leave nothing.

    Without `database_url` the server brings its own PostgreSQL.
    """
    env = {
        "AEGRA_CONFIG": str(config),
        "DATABASE_URL": database_url,
        "SCRIPTED_MODEL_TOKEN_DELAY_MS": "2",
        "LOG_LEVEL": "WARNING",
        **env,
    }
    with TemporaryDirectory(prefix="e2e") as name, nothing_left(Path(name)):
        if not database_url:
            prepare(Path(name))
        with starting(Path(name), *COMMANDS[command], **env) as server:
            server.wait_until_up(90)
            yield server
            assert server.stopped(seconds=30) == 0, server.said()
        assert " ERROR " not in server.said(), server.said()


def every_graph(directory: Path) -> Path:
    """Write a project of the repository's examples and the suites' graphs; return its path."""
    graphs: dict[str, object] = {}
    for config in (ROOT / "tests/graphs/langgraph.json", ROOT / "langgraph.json"):
        for graph_id, spec in json.loads(config.read_text())["graphs"].items():
            entry = {"path": spec} if isinstance(spec, str) else spec
            graphs[graph_id] = {**entry, "path": str(config.parent / entry["path"])}
    project = directory / "langgraph.json"
    project.write_text(json.dumps({"dependencies": [str(ROOT)], "graphs": graphs}))
    return project
