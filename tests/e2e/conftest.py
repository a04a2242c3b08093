from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client, get_sync_client

from common.tests.prepared import own_database
from common.tests.servers import LiveServer
from tests.e2e.awaited import Awaited, Client, Connected
from tests.e2e.servers import every_graph, serving


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return every_graph(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session", params=["serve", "runserver"])
def server(request: pytest.FixtureRequest, project: Path) -> Iterator[LiveServer]:
    """A live server: uvicorn on the PostgreSQL of TEST_DATABASE_URL, daphne on its own."""
    given = os.environ.get("TEST_DATABASE_URL", "") if request.param == "serve" else ""
    with (
        own_database(given) if given else nullcontext("") as database_url,
        serving(request.param, config=project, database_url=database_url) as server,
    ):
        yield server
        assert busy_threads(server.url) == []


def busy_threads(url: str) -> list[Any]:
    with get_sync_client(url=url) as client:
        return list(client.threads.search(status="busy"))


@pytest.fixture(params=["async", "sync"])
def connected(request: pytest.FixtureRequest) -> Connected:
    """The official client of a server, in both of its forms."""
    return _sync_client if request.param == "sync" else _async_client


@asynccontextmanager
async def _async_client(url: str) -> AsyncIterator[Client]:
    async with get_client(url=url) as client:
        yield client


@asynccontextmanager
async def _sync_client(url: str) -> AsyncIterator[Client]:
    with get_sync_client(url=url) as client:
        yield Awaited(client)


@pytest.fixture
async def client(connected: Connected, server: LiveServer) -> AsyncIterator[Client]:
    async with connected(server.url) as client:
        yield client


@pytest.fixture
async def thread_id(client: Client) -> str:
    return str((await client.threads.create())["thread_id"])
