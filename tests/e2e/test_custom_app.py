"""A project with a FastAPI application of its own, on both servers, with and without a prefix."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from langgraph_sdk import get_client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from common.tests.processes import ROOT, wait_until
from common.tests.projects import write_project
from common.tests.servers import LiveServer, starting
from tests.e2e.servers import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

APP = """
    from contextlib import asynccontextmanager

    from fastapi import FastAPI, Request, WebSocket
    from langgraph_sdk import get_client

    client = get_client()

    @asynccontextmanager
    async def lifespan(app):
        print("up", flush=True)
        yield {"word": "hello"}
        print("down", flush=True)

    app = FastAPI(lifespan=lifespan)

    @app.middleware("http")
    async def stamp(request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = "mine"
        return response

    @app.get("/hello")
    async def hello(request: Request):
        return {"word": request.state.word}

    @app.get("/info")
    @app.get("/ok")
    async def info():
        return "mine"

    @app.get("/ask")
    async def ask():
        value = {"messages": [{"role": "user", "content": "hi"}]}
        return await client.runs.wait(None, "echo", input=value)

    @app.websocket("/loud")
    async def loud(websocket: WebSocket):
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text.upper())
"""
GRAPHS: Any = {
    name: f"{ROOT}/tests/graphs/{file}:{name}"
    for name, file in {
        "echo": "chat.py",
        "tokens": "chat.py",
        "waits": "calls.py",
        "streams": "calls.py",
        "slowwriter": "work.py",
    }.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    server: LiveServer
    prefix: str

    @property
    def url(self) -> str:
        return f"{self.server.url}{self.prefix}"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(timeout=30) as client:
            return await client.get(f"{self.url}{path}", headers=headers)


def write(directory: Path, **http: Any) -> Path:
    section: Any = {"app": "./app.py:app", **http}
    return write_project(directory, {"app.py": APP}, graphs=GRAPHS, http=section)


@pytest.fixture(
    scope="module",
    params=[(command, prefix) for command in ("serve", "runserver") for prefix in ("", "/my/api")],
    ids=lambda param: "-".join(param).replace("/", "_"),
)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    command, prefix = request.param
    own = {"mount_prefix": prefix} if prefix else {}
    config = write(tmp_path_factory.mktemp("project"), **own)
    with serving(command, config=config) as server:
        assert server.said().count("up\n") == 1
        yield Served(server=server, prefix=prefix)
        assert server.stopped(seconds=30) == 0
        assert server.said().count("down\n") == 1


async def test_lifespan_middleware_and_precedence(served: Served) -> None:
    hello, thread = await served.get("/hello"), await served.get("/threads/x")
    ok, info = await served.get("/ok"), await served.get("/info")

    assert hello.json() == {"word": "hello"}
    assert (thread.status_code, thread.headers["x-stamp"]) == (422, "mine")
    assert ok.json() == {"ok": True, "services": {}}
    assert info.json() == "mine"


async def test_a_route_runs_a_graph(served: Served) -> None:
    assert (await served.get("/ask")).json()["messages"][-1]["content"] == "hi"


async def test_the_sdk_works_through_the_application(served: Served) -> None:
    said: Any = {"messages": [{"role": "user", "content": "hi"}]}
    async with get_client(url=served.url) as client:
        thread_id = (await client.threads.create())["thread_id"]
        parts = client.runs.stream(
            thread_id, "tokens", input=said, stream_mode="messages-tuple", stream_resumable=True
        )
        events = [part.event async for part in parts]
        [run] = await client.runs.list(thread_id)
        joined = client.runs.join_stream(thread_id, run["run_id"], last_event_id="-1")

        assert events == ["metadata"] + ["messages"] * len(events[1:])
        assert len(events) > 200
        assert [part.event async for part in joined] == events


async def test_a_graph_streams_another_as_it_comes(served: Served) -> None:
    call: Any = {"graph": "slowwriter", "input": {"count": 4}}

    async with get_client(url=served.url) as client:
        values: Any = await client.runs.wait(None, "streams", input=call)

    assert values["parts"] == ["metadata", *["custom"] * 4, "updates"]
    assert values["waits"][-1] - values["waits"][1] > 0.1


async def test_a_websocket_of_its_own(served: Served) -> None:
    address = served.url.replace("http://", "ws://")
    async with connect(f"{address}/loud") as socket_, asyncio.timeout(10):
        for word in ("a", "b"):
            await socket_.send(word)
            assert await socket_.recv() == word.upper()

    for path, headers in (("/loud", {"origin": "https://evil.example"}), ("/none", {})):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(f"{address}{path}", additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403


async def test_the_description_and_its_page(served: Served) -> None:
    schema, page = (await served.get("/openapi.json")).json(), await served.get("/docs")

    assert {"/hello", "/threads/{thread_id}"} <= schema["paths"].keys()
    assert schema.get("servers") == ([{"url": served.prefix}] if served.prefix else None)
    assert f'src="{served.prefix}/static/' in page.text
    async with httpx.AsyncClient(follow_redirects=True) as client:
        login = await client.get(f"{served.url}/admin/")
        style = await client.get(f"{served.url}/static/aegra_project/dashboard.css")
    assert (login.status_code, style.status_code) == (200, 200)
    assert f'href="{served.prefix}/static/' in login.text


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/noauth/threads/count", {}),
        ("/threads/count", {"daphne-root-path": "/noauth"}),
        ("/threads/count", {"daphne-root-path": "/noauth", "host": "api"}),
        ("/noauth/threads/count", {"daphne-root-path": "/noauth", "host": "api"}),
        ("/threads/count", {"aegra.in_process": "1", "aegra_in_process": "1"}),
    ],
)
def test_nobody_outside_is_trusted_as_the_process_is(
    served: Served, path: str, headers: dict[str, str]
) -> None:
    """The request says that it comes from elsewhere; in the process that would not matter."""
    given = {"host": "localhost", "x-forwarded-for": "192.0.2.7", **headers}
    lines = [f"POST {served.prefix}{path} HTTP/1.1", *map(": ".join, given.items())]
    request = "\r\n".join([*lines, "content-length: 2", "connection: close", "", "{}"])

    address = urlsplit(served.server.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as raw:
        raw.sendall(request.encode())
        answer = b"".join(iter(lambda: raw.recv(65_536), b""))

    assert int(answer.split(b" ")[1]) in (400, 403, 404), answer


def test_a_change_of_the_application_is_served(tmp_path: Path) -> None:
    config = write(tmp_path)
    with serving("reloading", config=config) as server:
        assert httpx.get(f"{server.url}/hello").json() == {"word": "hello"}

        (tmp_path / "app.py").write_text((tmp_path / "app.py").read_text().replace("hello", "bye"))

        wait_until(lambda: _says(f"{server.url}/bye", "bye"), 60)
        assert server.said().count("down\n") == 1


def _says(url: str, word: str) -> bool:
    try:
        return word in httpx.get(url).text
    except httpx.TransportError:
        # The server may go at any moment, and come back.
        return False


@pytest.mark.parametrize("command", ["serve", "runserver"])
def test_one_that_cannot_start_ends_the_server_in_one_line(tmp_path: Path, command: str) -> None:
    config = write(tmp_path)
    app = tmp_path / "app.py"
    app.write_text(app.read_text().replace("yield {", "raise RuntimeError('no tea')\n    yield {"))
    arguments = [command] if command == "serve" else [command, "--noreload"]

    with starting(tmp_path, *arguments, AEGRA_CONFIG=str(config)) as server:
        assert server.process.wait(60) == 1

    told = [line for line in server.said().splitlines() if "no tea" in line]
    assert len(told) == 1
    assert "http.app: ./app.py:app: did not start: RuntimeError: no tea (" in told[0]
    assert "Traceback" not in server.said()
