from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx

MakeThread = Callable[..., Awaitable[str]]


async def test_metadata_is_merged_key_by_key(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread(metadata={"a": 1, "b": {"x": 1}})
    before = (await api.get(f"/threads/{thread_id}")).json()

    answer = await api.patch(f"/threads/{thread_id}", json={"metadata": {"b": {"y": 2}, "c": None}})

    assert answer.status_code == 200
    after = answer.json()
    assert after["metadata"] == {"a": 1, "b": {"y": 2}, "c": None}
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "metadata": after["metadata"], "updated_at": after["updated_at"]}


async def test_prefer_minimal_answers_204_and_updates(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    answer = await api.patch(
        f"/threads/{thread_id}",
        json={"metadata": {"a": 1}},
        headers={"prefer": "return=minimal"},
    )

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["preference-applied"] == "return=minimal"
    assert not answer.headers.keys() & {"content-type", "content-length"}
    assert (await api.get(f"/threads/{thread_id}")).json()["metadata"] == {"a": 1}


async def test_an_update_without_metadata_keeps_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread(metadata={"a": 1})

    answer = await api.patch(f"/threads/{thread_id}", json={"metadata": None})

    assert (answer.status_code, answer.json()["metadata"]) == (200, {"a": 1})


async def test_a_missing_thread_is_404(api: httpx.AsyncClient) -> None:
    missing = uuid4()

    answer = await api.patch(f"/threads/{missing}", json={"metadata": {}})

    assert answer.status_code == 404
    assert answer.json()["detail"] == f"Thread with ID {missing} not found"
