from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx

Make = Callable[..., Awaitable[dict[str, Any]]]


async def test_an_assistant_is_found_by_its_id(api: httpx.AsyncClient, assistant: Make) -> None:
    made = await assistant(name="Found")

    answer = await api.get(f"/assistants/{made['assistant_id']}")

    assert answer.status_code == 200
    assert answer.json() == made


async def test_a_graphs_name_stands_for_its_own_assistant(api: httpx.AsyncClient) -> None:
    by_name = (await api.get("/assistants/agent")).json()
    by_id = (await api.get("/assistants/fe096781-5601-53d2-b2f6-0d3403f7e9ca")).json()

    assert by_name == by_id


async def test_an_unknown_id_is_404(api: httpx.AsyncClient) -> None:
    unknown = uuid4()

    answer = await api.get(f"/assistants/{unknown}")

    assert answer.status_code == 404
    assert str(unknown) in answer.json()["detail"]


async def test_neither_an_id_nor_a_graph_is_422_and_names_the_graphs(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.get("/assistants/nobody")

    assert answer.status_code == 422
    assert "Invalid assistant ID: must be a UUID" in answer.json()["detail"]
    assert "agent" in answer.json()["detail"]
