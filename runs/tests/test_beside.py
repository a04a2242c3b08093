"""What is written in the transaction of a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import httpx
import pytest

from access.caller import ANONYMOUS
from common import db
from runs.spec import RunSpec
from runs.submission import submit_run

MARK = "UPDATE thread SET metadata = metadata || '{\"beside\": 1}' WHERE thread_id = %s"


async def test_what_is_written_beside_a_run_is_there_with_it(
    api: httpx.AsyncClient, thread: Callable[..., Awaitable[str]]
) -> None:
    thread_id = await thread()

    async def mark(tx: db.Connection) -> None:
        await tx.execute(MARK, [thread_id])

    spec = RunSpec(assistant_id="echo")
    run = await submit_run(spec, thread_id=UUID(thread_id), caller=ANONYMOUS, beside=mark)

    assert (await api.get(f"/threads/{thread_id}/runs/{run.run_id}")).status_code == 200
    assert (await api.get(f"/threads/{thread_id}")).json()["metadata"]["beside"] == 1


async def test_an_error_beside_a_run_undoes_it(
    api: httpx.AsyncClient, thread: Callable[..., Awaitable[str]]
) -> None:
    thread_id = await thread()

    async def refuse(_tx: db.Connection) -> None:
        raise LookupError("no")

    spec = RunSpec(assistant_id="echo")
    with pytest.raises(LookupError):
        await submit_run(spec, thread_id=UUID(thread_id), caller=ANONYMOUS, beside=refuse)

    assert (await api.get(f"/threads/{thread_id}/runs")).json() == []
    assert (await api.get(f"/threads/{thread_id}")).json()["status"] == "idle"
