from __future__ import annotations

import httpx


async def test_a_run_streams_and_settles(api: httpx.AsyncClient) -> None:
    thread_id = (await api.post("/threads", json={})).json()["thread_id"]

    answer = await api.post(
        f"/threads/{thread_id}/runs/stream",
        json={"assistant_id": "agent", "input": {"messages": []}, "stream_mode": "updates"},
    )

    assert answer.status_code == 200
    assert "hello big world" in answer.text
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"
