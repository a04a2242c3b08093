"""Graphs of which no more than so many runs are executed at once, over all processes."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from common.config import ConfigError, read_config
from runs.engine.claim_queries import Claim
from runs.engine.limit_queries import claim_limited_runs
from tests.streaming import MakeThread

LIMITED = {"assistant_id": "limited", "input": {"seconds": 0.1}}
RUNNING = """
SELECT count(*) AS running FROM run
 WHERE status = 'running' AND metadata->>'graph_id' = 'limited'
"""
DUE_NOW = "UPDATE run SET created_at = now() WHERE run_id = ANY(%s)"
FORGET = "DELETE FROM run WHERE run_id = ANY(%s)"


async def test_no_more_than_the_limit_are_executed_at_once_and_all_are(
    api: httpx.AsyncClient,
) -> None:
    seen = 0

    async def watch() -> None:
        nonlocal seen
        while True:
            seen = max(seen, (await db.fetch_one(RUNNING) or {})["running"])
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    answers = await asyncio.gather(*(api.post("/runs/wait", json=LIMITED) for _ in range(7)))
    watching.cancel()

    assert [answer.json().get("done") for answer in answers] == [True] * 7
    assert seen == 2


async def test_processes_that_claim_at_the_same_time_keep_to_the_limit(
    api: httpx.AsyncClient, thread: MakeThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = {**LIMITED, "after_seconds": 3600}
    made = [
        (await api.post(f"/threads/{await thread()}/runs", json=later)).json()["run_id"]
        for _ in range(6)
    ]
    claims = [Claim(claimed_by=number, lease_seconds=60, limit=10) for number in range(1, 5)]
    # The engine of the tests does not look for them: it is told of nothing.
    await db.execute(DUE_NOW, [made])

    got = await asyncio.gather(*(claim_limited_runs(claim, {"limited": 3}) for claim in claims))

    claimed = [run.run_id for taken in got for run in taken.runs]
    assert set(claimed) <= set(map(UUID, made))
    assert len(claimed) == 3
    await db.execute(FORGET, [made])


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "2", []])
def test_a_limit_that_is_none_is_told(tmp_path: Any, limit: Any) -> None:
    file = tmp_path / "langgraph.json"
    entry = {"path": "./a.py:graph", "max_runs": limit}
    file.write_text(json.dumps({"graphs": {"a": entry}}))

    with pytest.raises(ConfigError, match=r"`graphs\.a\.max_runs` must be a whole number above 0"):
        read_config(file)
