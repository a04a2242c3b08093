"""The server of `make run`: it serves the repository's agents, and reloads what changes."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_client

from common.tests.processes import ROOT, wait_until
from common.tests.projects import write_project
from tests.e2e.asking import WEATHER, WEATHER_ANSWER, said, tokens_of
from tests.e2e.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_the_examples_are_served_with_the_reloader_on() -> None:
    with serving("reloading", config=ROOT / "langgraph.json", DEBUG="true") as server:
        async with get_client(url=server.url) as client:
            stream = client.runs.stream(
                None, "react_agent", input=said(WEATHER), stream_mode="messages-tuple"
            )
            parts = [part async for part in stream]
            found = await client.assistants.search(limit=100)

    assert "".join(tokens_of(parts)) == WEATHER_ANSWER
    graphs = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    assert {each["graph_id"] for each in found} == graphs.keys()


GRAPH = """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class Said(TypedDict, total=False):
    said: str

async def speak(state: Said) -> Said:
    return {"said": "WORD"}

graph = StateGraph(Said).add_node(speak).add_edge(START, "speak").compile()
"""


def spoken(url: str) -> str:
    body = {"assistant_id": "speaker", "input": {}}
    try:
        return str(httpx.post(f"{url}/runs/wait", json=body).json().get("said"))
    except httpx.TransportError:
        return ""


def test_a_changed_graph_is_served_anew(tmp_path: Path) -> None:
    project = write_project(
        tmp_path / "own", {"speaker.py": GRAPH}, graphs={"speaker": "./speaker.py:graph"}
    )
    with serving("reloading", config=project, DEBUG="true") as server:
        before = spoken(server.url)
        (project.parent / "speaker.py").write_text(GRAPH.replace("WORD", "changed"))
        wait_until(lambda: spoken(server.url) == "changed", seconds=60)

    assert before == "WORD"
