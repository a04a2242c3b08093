from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from common import jsoncodec

Thread = Callable[..., Awaitable[str]]


def questions(values: Any) -> list[str]:
    return sorted(interrupt["value"]["q"] for interrupt in values["__interrupt__"])


async def test_all_questions_are_in_the_output(api: httpx.AsyncClient, thread: Thread) -> None:
    asking = {"assistant_id": "twoasks", "input": {}}

    answer = await api.post(f"/threads/{await thread()}/runs/wait", json=asking)

    assert questions(answer.json()) == ["left?", "right?"]


async def test_the_last_values_hold_all_questions(api: httpx.AsyncClient, thread: Thread) -> None:
    asking = {"assistant_id": "twoasks", "input": {}, "stream_mode": "values"}

    answer = await api.post(f"/threads/{await thread()}/runs/stream", json=asking)

    lines = [line for line in answer.text.splitlines() if line.startswith("data:")]
    assert questions(jsoncodec.loads(lines[-1][5:].encode())) == ["left?", "right?"]
