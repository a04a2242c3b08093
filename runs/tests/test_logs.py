from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest

from runs.tests.logged import Lines
from tests.streaming import MakeThread, settled

HI: dict[str, Any] = {"messages": ["hi"]}


async def told(lines: Lines, event: str, thread_id: str, number: int = 1) -> list[dict[str, Any]]:
    """Wait for lines of a thread: an answer may be there before its run's last line."""
    async with asyncio.timeout(5):
        while True:
            found = [line for line in lines(event) if line["thread_id"] == thread_id]
            if len(found) >= number:
                return found
            await asyncio.sleep(0.005)


async def test_the_end_of_a_run_is_told_with_its_ids_and_its_request_s(
    api: httpx.AsyncClient, thread: MakeThread, lines: Lines
) -> None:
    thread_id = await thread()

    answer = await api.post(
        f"/threads/{thread_id}/runs/wait",
        json={"assistant_id": "echo", "input": HI},
        headers={"x-request-id": "mine"},
    )

    run_id = answer.headers["content-location"].split("/")[4]
    [line] = await told(lines, "run settled", thread_id)
    assert (line["run_id"], line["attempt"], line["request_id"]) == (run_id, 1, "mine")
    assert (line["graph_id"], line["status"]) == ("echo", "success")


async def test_what_a_failed_run_tells_has_a_traceback_and_none_of_its_input(
    api: httpx.AsyncClient, thread: MakeThread, lines: Lines
) -> None:
    thread_id = await thread()

    await api.post(
        f"/threads/{thread_id}/runs/wait",
        json={"assistant_id": "boom", "input": {"messages": ["a secret"]}},
    )

    [line] = await told(lines, "run failed", thread_id)
    assert line["exception"].startswith("Traceback")
    assert "a secret" not in json.dumps(line)


async def test_a_run_that_waited_for_another_is_told_of_by_itself(
    api: httpx.AsyncClient, thread: MakeThread, lines: Lines
) -> None:
    thread_id = await thread()
    for request_id in ("first", "second"):
        await api.post(
            f"/threads/{thread_id}/runs",
            json={"assistant_id": "sleeper", "input": {"seconds": 0.1}},
            headers={"x-request-id": request_id},
        )

    await settled(api, thread_id)

    ends = await told(lines, "run settled", thread_id, number=2)
    assert [line["request_id"] for line in ends] == ["first", "second"]
    assert len({line["run_id"] for line in ends}) == 2


async def test_a_request_that_fails_is_told_with_its_id(
    other_api: httpx.AsyncClient, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("access.authenticate")

    async def logs(_request: Any) -> Any:
        logger.warning("asked")
        raise RuntimeError

    monkeypatch.setattr("access.authenticate.authenticate", logs)
    await other_api.get("/threads/x", headers={"x-request-id": "mine"})
    logger.warning("after it")

    [asked], [after], [failed] = lines("asked"), lines("after it"), lines("request failed")
    assert asked["request_id"] == failed["request_id"] == "mine"
    assert "request_id" not in after
    assert lines("Internal Server Error: /threads/x") == []
