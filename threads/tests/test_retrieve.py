from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx

MakeThread = Callable[..., Awaitable[str]]


async def test_a_missing_thread_is_404_in_the_references_words(api: httpx.AsyncClient) -> None:
    missing = str(uuid4())

    answer = await api.get(f"/threads/{missing}")

    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Thread with ID {missing} not found"}


async def test_an_interrupted_thread_tells_what_it_waits_for(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    said = {"messages": [{"role": "user", "content": "hi", "id": "h1"}]}
    await api.post(f"/threads/{thread_id}/runs/wait", json={"assistant_id": "ask", "input": said})

    found = (await api.get(f"/threads/{thread_id}")).json()

    assert found["status"] == "interrupted"
    assert found["error"] is None
    [(_task, waiting)] = found["interrupts"].items()
    assert waiting == [{"id": waiting[0]["id"], "value": {"q": "ok?"}}]
    assert found["values"]["messages"][0]["content"] == "hi"
    assert found["metadata"]["graph_id"] == "ask"
    assert found["state_updated_at"] > found["created_at"]


async def test_a_failed_thread_tells_its_error(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    await api.post(
        f"/threads/{thread_id}/runs/wait", json={"assistant_id": "boom", "input": {"messages": []}}
    )

    found = (await api.get(f"/threads/{thread_id}")).json()

    assert found["status"] == "error"
    assert found["error"] == {"error": "ValueError", "message": "kaput"}
