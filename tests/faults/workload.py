"""Clients that go on whatever happens to the servers: they ask again, at whichever answers."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

PAGES = 4
PAGE_SECONDS = 0.3
RETRY_SECONDS = 0.2
SETTLED = frozenset({"success", "error", "timeout", "interrupted", "gone"})
# What hits other runs weighs little, so that most runs have to end well.
STRATEGIES = ["enqueue"] * 12 + [
    "interrupt",
    "interrupt",
    "rollback",
    "rollback",
    "reject",
    "reject",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream, as it came."""

    name: str
    data: str
    id: str


@dataclass(kw_only=True)
class Made:
    """A run that a server has said to have made, and what was seen of it."""

    name: str
    thread_id: str
    run_id: str
    strategy: str
    cancelled: str = ""
    """The action by which the test itself has cancelled it."""

    status: str = ""
    """The last that was seen; `gone` for a run that is not there any more."""

    events: list[Event] = field(default_factory=list)
    """All that its stream has said, over all connections."""

    replayed: list[Event] = field(default_factory=list)
    """All that could be read once it had settled."""

    @property
    def event_ids(self) -> list[str]:
        return [event.id for event in self.events]

    @property
    def replayed_ids(self) -> list[str]:
        return [event.id for event in self.replayed]

    @property
    def path(self) -> str:
        return f"/threads/{self.thread_id}/runs/{self.run_id}"


class Clients:
    """Asks one of some servers, and another when that one is gone."""

    def __init__(self, urls: list[str], chance: random.Random) -> None:
        self._urls = urls
        self.chance = chance
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(15, connect=2))

    async def close(self) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Return the first answer that is none of a server in trouble."""
        while True:
            try:
                answer = await self._http.request(method, self._url(path), **request)
            except httpx.TransportError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if answer.status_code < 500:
                return answer
            assert answer.status_code in (502, 503, 504), answer.text
            await asyncio.sleep(RETRY_SECONDS)

    async def follow(self, run: Made) -> None:
        """Read a run's stream to its end, going on after the last event wherever it breaks."""
        last = "-1"
        while True:
            try:
                if await self._read(run, last, run.events):
                    return
            except httpx.TransportError:
                await asyncio.sleep(RETRY_SECONDS)
            last = run.events[-1].id if run.events else last

    async def replay(self, run: Made) -> None:
        while not await self._read(run, "-1", run.replayed):
            run.replayed.clear()

    async def _read(self, run: Made, after: str, events: list[Event]) -> bool:
        """Read as far as it goes; True at the stream's end, or when the run is gone."""
        request = self._http.stream(
            "GET", self._url(f"{run.path}/stream"), headers={"Last-Event-ID": after}
        )
        async with request as answer:
            if answer.status_code == 404:
                return True
            if answer.status_code >= 500:
                await asyncio.sleep(RETRY_SECONDS)
                return False
            assert answer.status_code == 200, await answer.aread()
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if name == "id":
                    events.append(Event(fields["event"], fields["data"], value))
        return True

    def _url(self, path: str) -> str:
        return self.chance.choice(self._urls) + path


async def make_run(clients: Clients, thread_id: str, name: str, strategy: str) -> Made | None:
    """Make a run once, however often it has to be asked for; None when it was rejected."""
    body = {
        "assistant_id": "journal",
        "input": {"name": name, "entries": [name], "pages": PAGES, "seconds": PAGE_SECONDS},
        "multitask_strategy": strategy,
        "stream_mode": ["values", "updates"],
        "stream_resumable": True,
    }
    answer = await clients.ask(
        "POST",
        f"/threads/{thread_id}/runs",
        json=body,
        headers={"Idempotency-Key": f"{name}-{strategy}"},
    )
    if answer.status_code == 409 and strategy == "reject":
        return None
    assert answer.status_code == 200, answer.text
    run_id = answer.json()["run_id"]
    return Made(name=name, thread_id=thread_id, run_id=run_id, strategy=strategy)


async def cancel(clients: Clients, run: Made, action: str) -> None:
    run.cancelled = action
    answer = await clients.ask("POST", f"{run.path}/cancel", params={"action": action})
    assert answer.status_code in (200, 202, 204, 404, 409), answer.text


async def settled(clients: Clients, run: Made, deadline: float) -> None:
    """Wait until a run has settled, or the time is over."""
    while run.status not in SETTLED and time.monotonic() < deadline:
        answer = await clients.ask("GET", run.path)
        run.status = "gone" if answer.status_code == 404 else answer.json()["status"]
        if run.status not in SETTLED:
            await asyncio.sleep(RETRY_SECONDS)
