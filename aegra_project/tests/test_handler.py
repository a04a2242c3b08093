"""Both handlers answer alike, of which the lean one needs no thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from types import ModuleType
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from pytest_django import Settings

from aegra_project.handler import HANDLERS, LeanHandler


class Client:
    """One request, and a client that may leave while it is answered."""

    def __init__(self, *body: bytes) -> None:
        self._parts = list(body) or [b""]
        self._left = asyncio.Event()
        self.said: list[Any] = []
        self.is_reading = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._parts:
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.said.append(message)
        self.is_reading.set()

    def leave(self) -> None:
        self._left.set()

    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.said)


@pytest.fixture(params=list(HANDLERS))
def answer(request: pytest.FixtureRequest, settings: Settings) -> Callable[..., Any]:
    """Have a view answer a client, by each of the handlers."""

    async def answered(view: Callable[..., Any], client: Client) -> None:
        urls = ModuleType("urls_of_a_test")
        urls.urlpatterns = [path("here", view)]  # type: ignore[attr-defined]
        settings.ROOT_URLCONF = urls
        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "method": "POST", "path": "/here", "headers": headers}
        await HANDLERS[request.param]()(scope, client.receive, client.send)

    return answered


async def test_a_body_in_parts_is_read_whole(answer: Callable[..., Any]) -> None:
    client = Client(b"one ", b"two ", b"three")

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.body)

    await answer(view, client)

    assert (client.said[0]["status"], client.body()) == (200, b"one two three")


async def test_who_leaves_before_all_is_sent_calls_nothing(answer: Callable[..., Any]) -> None:
    client = Client()
    client._parts.clear()
    client.leave()

    await answer(pytest.fail, client)

    assert client.said == []


async def test_a_view_is_cancelled_when_its_client_leaves(answer: Callable[..., Any]) -> None:
    client, ended = Client(), []
    begun = asyncio.Event()

    async def view(request: HttpRequest) -> HttpResponse:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("view")
        return HttpResponse()

    answering = asyncio.create_task(answer(view, client))
    await begun.wait()
    client.leave()
    await asyncio.wait_for(answering, 5)

    assert (ended, client.said) == (["view"], [])
    assert answering.cancelling() == 0


async def test_a_stream_is_closed_when_its_client_leaves(answer: Callable[..., Any]) -> None:
    client, ended = Client(), []

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.sleep(60)
        finally:
            ended.append("stream")

    async def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(parts())

    answering = asyncio.create_task(answer(view, client))
    await client.is_reading.wait()
    client.leave()
    await asyncio.wait_for(answering, 5)

    assert (ended, client.body()) == (["stream"], b"first")


@pytest.mark.parametrize("answer", ["lean"], indirect=True)
async def test_whoever_cancels_a_request_is_told(answer: Callable[..., Any]) -> None:
    begun = asyncio.Event()

    async def view(request: HttpRequest) -> HttpResponse:
        begun.set()
        await asyncio.sleep(60)
        return HttpResponse()

    answering = asyncio.create_task(answer(view, Client()))
    await begun.wait()
    answering.cancel()

    with pytest.raises(asyncio.CancelledError):
        await answering


async def test_a_failure_is_500_and_logged_once(
    answer: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = Client()

    async def view(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("of the view")

    with caplog.at_level(logging.ERROR):
        await answer(view, client)

    # The tracing of an earlier test may still find its collector gone.
    logged = [one for one in caplog.records if not one.name.startswith("opentelemetry")]
    assert (client.said[0]["status"], len(logged)) == (500, 1)
    assert client.body() == b'{"detail":"Internal Server Error"}'


async def test_the_lean_one_needs_no_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hops: list[object] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "run_in_executor", hops.append)
    client = Client()
    scope = {"type": "http", "method": "GET", "path": "/nowhere", "headers": []}

    await LeanHandler()(scope, client.receive, client.send)

    assert (client.said[0]["status"], hops) == (404, [])
