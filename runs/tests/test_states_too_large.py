from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.streaming import MakeThread

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# Above 256 MiB, which is what a JSONB value holds.
TOO_LARGE = {"assistant_id": "big", "input": {"kilobytes": 270_000}, "stream_mode": "updates"}


async def test_a_state_too_large_for_the_database_ends_its_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()

    answer = await api.post(f"/threads/{thread_id}/runs/wait", json=TOO_LARGE, timeout=180)

    told: Any = answer.json()["__error__"]
    assert told["error"] == "ProgramLimitExceeded"
    row = (await api.get(f"/threads/{thread_id}")).json()
    assert (row["status"], row["values"]) == ("error", None)
    runs = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert [run["status"] for run in runs] == ["error"]
