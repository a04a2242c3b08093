"""What `make run` serves: the repository's agents, with the reloader on."""

from __future__ import annotations

import json

import pytest
from langgraph_sdk import get_client

from common.tests.processes import ROOT
from tests.e2e.asking import WEATHER, WEATHER_ANSWER, said, tokens_of
from tests.e2e.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def test_the_examples_are_served() -> None:
    project = ROOT / "langgraph.json"
    with serving("reloading", config=project, DEBUG="true") as server:
        async with get_client(url=server.url) as client:
            stream = client.runs.stream(
                None, "react_agent", input=said(WEATHER), stream_mode="messages-tuple"
            )
            parts = [part async for part in stream]
            found = await client.assistants.search(limit=100, response_format="object")

    assert "".join(tokens_of(parts)) == WEATHER_ANSWER
    served = {each["graph_id"] for each in found["assistants"]}
    assert served == json.loads(project.read_text())["graphs"].keys()
