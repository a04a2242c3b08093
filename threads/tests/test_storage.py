from __future__ import annotations

from uuid import uuid4

import httpx

from common.tests.statements import Statements
from threads.tests.conversing import MakeThread, get, run, said


async def test_a_thread_tells_what_it_takes(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id = await thread()
    path = f"/threads/{thread_id}/storage"
    empty = await get(api, path)
    await run(api, thread_id, "ask", input=said("x" * 5000))

    full = await get(api, path)

    sizes = {name: size for name, size in full.items() if name.endswith("_bytes")}
    assert full["thread_id"] == thread_id
    assert sizes.pop("total_bytes") == sum(sizes.values())
    assert all(size > empty[name] for name, size in sizes.items())
    parts = ("runs_bytes", "checkpoints_bytes", "blobs_bytes", "writes_bytes")
    assert all(empty[name] == 0 for name in parts)


async def test_a_missing_thread_is_404_and_no_uuid_422(api: httpx.AsyncClient) -> None:
    missing = await api.get(f"/threads/{uuid4()}/storage")
    malformed = await api.get("/threads/x/storage")

    assert (missing.status_code, malformed.status_code) == (404, 422)


async def test_it_is_one_statement(
    api: httpx.AsyncClient, thread: MakeThread, statements: Statements
) -> None:
    thread_id = await thread()

    await get(api, f"/threads/{thread_id}/storage")

    assert len(statements) == 2
