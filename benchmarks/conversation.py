"""What a client of a long-running server does, with the official SDK, and checks of each answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

import httpx
from langgraph_sdk import get_client
from langgraph_sdk.client import LangGraphClient

TOKENS = 50
SAID: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}]}


async def converse(client: LangGraphClient) -> None:
    """Make threads with runs of every kind, read them, delete them; raises for a wrong answer."""
    name = uuid4().hex
    threads = [
        (await client.threads.create(metadata={"soak": name}))["thread_id"] for _ in range(4)
    ]
    for step, thread_id in zip((echo, stream, answer, cancel), threads, strict=True):
        await step(client, thread_id)
    found = await client.threads.search(metadata={"soak": name}, limit=10)
    check({thread["thread_id"] for thread in found} == set(threads), found)
    for thread_id in threads:
        await client.threads.delete(thread_id)
    check(await client.threads.search(metadata={"soak": name}) == [], "threads are left")
    values: Any = await client.runs.wait(None, "echo", input=SAID)
    check(values["messages"][-1]["content"] == "hi", values)


async def echo(client: LangGraphClient, thread_id: str) -> None:
    values: Any = await client.runs.wait(thread_id, "echo", input=SAID)
    check(values["messages"][-1]["content"] == "hi", values)
    state: Any = await client.threads.get_state(thread_id)
    check(state["values"] == values and state["next"] == [], state)
    history = await client.threads.get_history(thread_id)
    check(history[0]["values"] == values, history)


async def stream(client: LangGraphClient, thread_id: str) -> None:
    given = {**SAID, "count": TOKENS}
    streamed = client.runs.stream(thread_id, "tokens", input=given, stream_mode="messages-tuple")
    events = [part.event async for part in streamed]
    check(events.count("messages") == TOKENS, events)


async def answer(client: LangGraphClient, thread_id: str) -> None:
    await client.runs.wait(thread_id, "ask", input=SAID)
    check((await client.threads.get(thread_id))["status"] == "interrupted", "no question")
    values: Any = await client.runs.wait(thread_id, "ask", command={"resume": "yes"})
    check(values["messages"][-1]["content"] == "got yes", values)


async def cancel(client: LangGraphClient, thread_id: str) -> None:
    run = await client.runs.create(thread_id, "sleeper", input={"seconds": 60})
    await client.runs.cancel(thread_id, run["run_id"], wait=True)
    status = (await client.runs.get(thread_id, run["run_id"]))["status"]
    check(status == "interrupted", status)


def check(is_right: bool, told: object) -> None:
    if not is_right:
        raise WrongAnswer(str(told)[:500])


class WrongAnswer(Exception):
    """The server has said something that cannot be."""


class Load:
    """Clients that converse half of the time: each rests for as long as it has talked."""

    def __init__(self, url: str) -> None:
        self._client = get_client(url=url)
        http = self._client.http.client
        http.event_hooks = {"request": [self._asked], "response": [self._answered]}
        self.conversations = 0
        self.failures: list[str] = []
        self._took_ms: list[float] = []

    async def go_on(self) -> None:
        while True:
            began = time.perf_counter()
            try:
                await converse(self._client)
            except (WrongAnswer, httpx.HTTPError) as exc:
                self.failures.append(f"{type(exc).__name__}: {exc}")
            self.conversations += 1
            await asyncio.sleep(time.perf_counter() - began)

    def took_ms(self) -> list[float]:
        """Return what each request took since this was asked last, to the head of its answer."""
        took, self._took_ms = self._took_ms, []
        return sorted(took)

    async def _asked(self, request: httpx.Request) -> None:
        request.extensions["asked_at"] = time.perf_counter()

    async def _answered(self, response: httpx.Response) -> None:
        asked_at = response.request.extensions["asked_at"]
        self._took_ms.append((time.perf_counter() - asked_at) * 1000)
