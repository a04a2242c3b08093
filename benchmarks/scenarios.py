"""What is asked of a server: operations that check their answers, and what precedes them."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.client import Client
from benchmarks.load import Operation, Sample, Scenario
from benchmarks.server import MeasuredServer

SUPERSTEPS = 20
TOKENS = 200
CROWD = 1000
SLOW_TOKENS = 50
FOLLOWED_TOKENS = 100
SLOW_TOKEN_SECONDS = 0.05
_TOKEN = re.compile(rb'"content": ?"t(\d+) "')


def said(text: str) -> dict[str, Any]:
    """Return a body that has `echo` answer with the text."""
    return {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": text}]}}


def speaking(count: int = TOKENS, delay_seconds: float = 0.0) -> dict[str, Any]:
    """Return a body that has `tokens` say so many, each after so long."""
    words = {"count": count, "delay_seconds": delay_seconds}
    asked = {"messages": [{"role": "user", "content": "go"}], **words}
    return {"assistant_id": "tokens", "stream_mode": "messages-tuple", "input": asked}


async def nothing(client: Client, number: int) -> Sequence[None]:
    return [None] * number


async def threads(client: Client, number: int) -> list[str]:
    """Make threads, and return their paths."""
    made = [await client.post("/threads", {}) for _ in range(number)]
    return [f"/threads/{thread['thread_id']}" for thread in made]


async def one_thread(client: Client, number: int) -> list[str]:
    """Make one thread with a run upon it, to be read so often."""
    (place,) = await threads(client, 1)
    await echo(client, place)
    return [place] * number


async def is_up(client: Client, _: None) -> None:
    await client.get("/ok")


async def create_thread(client: Client, _: None) -> None:
    thread = await client.post("/threads", {})
    assert thread["status"] == "idle", thread


async def get_thread(client: Client, place: str) -> None:
    thread = await client.get(place)
    assert place.endswith(thread["thread_id"]), thread


async def get_state(client: Client, place: str) -> None:
    state = await client.get(f"{place}/state")
    assert state["values"]["messages"][-1]["content"] == place, state


async def echo(client: Client, place: str) -> None:
    """Run one node, and wait for the values."""
    values = await client.post(f"{place}/runs/wait", said(place))
    assert [message["content"] for message in values["messages"]] == [place, place], values


async def thread_and_echo(client: Client, _: None) -> None:
    (place,) = await threads(client, 1)
    await echo(client, place)


async def supersteps(client: Client, place: str) -> None:
    values = await client.post(f"{place}/runs/wait", {"assistant_id": "steps", "input": {}})
    assert values["count"] == SUPERSTEPS, values


async def sleep(client: Client, place: str) -> None:
    body = {"assistant_id": "sleeper", "input": {"seconds": 1.0}}
    values = await client.post(f"{place}/runs/wait", body)
    assert values["done"], values


async def first_line(client: Client, place: str) -> float:
    """Return the seconds from the request to the first line of its node, on the same machine."""
    began = time.time()
    body = {"assistant_id": "stopwatch", "input": {"at": 0.0}}
    values = await client.post(f"{place}/runs/wait", body)
    return float(values["at"]) - began


async def first_event(client: Client, place: str) -> float:
    return (await heard(client, f"{place}/runs/stream", speaking())).first_event


async def first_token(client: Client, place: str) -> float:
    return (await heard(client, f"{place}/runs/stream", speaking())).first_token


async def tokens(client: Client, place: str) -> None:
    await heard(client, f"{place}/runs/stream", speaking())


async def slow_tokens(client: Client, place: str) -> None:
    body = speaking(SLOW_TOKENS, SLOW_TOKEN_SECONDS)
    await heard(client, f"{place}/runs/stream", body, count=SLOW_TOKENS)


async def follow(client: Client, path: str) -> None:
    """Follow a run of slow tokens that another request has started."""
    await heard(client, path, None, count=FOLLOWED_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    first_event: float
    first_token: float
    """Seconds since the request."""


async def heard(client: Client, path: str, body: object, *, count: int = TOKENS) -> Heard:
    """Read a stream to its end; each of its tokens has to come once, and in order."""
    began = time.perf_counter()
    at: dict[bytes, float] = {}
    parts = []
    async for chunk in client.stream(path, body):
        parts.append(chunk)
        if len(at) < 2:
            at |= {
                mark: time.perf_counter() - began
                for mark in (b"event:", b"event: messages")
                if mark in chunk and mark not in at
            }
    numbers = [int(number) for number in _TOKEN.findall(b"".join(parts))]
    assert numbers == list(range(count)), f"{len(numbers)} tokens, not {count} in order"
    return Heard(first_event=at[b"event:"], first_token=at[b"event: messages"])


def once(operation: Operation) -> Scenario:
    """Make a scenario of one operation, for what it leaves behind."""

    async def scenario(server: MeasuredServer) -> Sample:
        client = server.client()
        await operation(client, None)
        client.close()
        return Sample(took=[], seconds=0, count=0, cpu_seconds=None)

    return scenario
