"""A cancel that comes between a graph's end and its record."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from common import db
from common.jsoncodec import JsonObject
from runs.engine.current import current_engine
from runs.engine.queries import Outcome, settle
from runs.spec import ClaimedRun
from tests.streaming import MakeThread, started

KAPUT: JsonObject = {"error": "ValueError", "message": "kaput"}
CANCEL = "UPDATE run SET cancel_action = 'interrupt' WHERE run_id = %s"


@pytest.mark.parametrize(
    ("status", "error", "left"),
    [
        ("error", KAPUT, ("error", "error", KAPUT)),
        ("timeout", KAPUT, ("timeout", "error", KAPUT)),
        ("success", None, ("interrupted", "idle", None)),
    ],
    ids=["error", "timeout", "success"],
)
async def test_a_late_cancel_leaves_run_and_thread_of_one_mind(
    api: httpx.AsyncClient,
    thread: MakeThread,
    status: str,
    error: JsonObject | None,
    left: tuple[str, str, JsonObject | None],
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, assistant_id="sleeper", input={"seconds": 60})
    run = ClaimedRun(
        run_id=UUID(run_id),
        thread_id=UUID(thread_id),
        assistant_id=UUID(int=0),
        kwargs={},
        attempt=1,
        is_fresh=True,
        claimed_at=datetime.now(UTC),
    )
    await db.execute(CANCEL, [run_id])

    await settle(run, Outcome(status=status, error=error, head=None))

    shown = (await api.get(f"/threads/{thread_id}")).json()
    of_run = (await api.get(f"/threads/{thread_id}/runs/{run_id}")).json()
    assert (of_run["status"], shown["status"], shown["error"]) == left
    current_engine().cancel_local(run.run_id)
