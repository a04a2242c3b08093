from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from common import db, notices
from common.background import work
from common.embedded_postgres import running
from common.tests.statements import Statements, count_statements
from tests.conforming import conforms

# In the name of a test, what it is told of its server: `test_it[serve-async]`.
SERVER = re.compile(r"[\[-](serve|runserver)[-\]]")
TEST_GRAPHS = Path(__file__).parent / "tests" / "graphs" / "langgraph.json"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the test database made for those who use it without Django's test cases.

    And have the files go first in which a test may take longest: last, it would keep one process
    busy while the others have nothing left to do.
    """
    longest: dict[Path, float] = defaultdict(float)
    for item in items:
        if "served" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.django_db)
        if timeout := item.get_closest_marker("timeout"):
            longest[item.path] = max(longest[item.path], timeout.args[0])
    items.sort(key=lambda item: -longest[item.path])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Have the tests of tests/e2e that share a server go to one process, whatever their file.

    The other files go as a whole, as `--dist loadfile` has it.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByServer(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            shared = nodeid.startswith("tests/e2e/") and SERVER.search(nodeid)
            return shared.group(1) if shared else super()._split_scope(nodeid)

    return ByServer(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> Iterator[None]:
    """Hold one embedded server for all test processes, unless DATABASE_URL names another."""
    if not settings.EMBEDDED_POSTGRES:
        yield
        return
    with running(settings.AEGRA_DATA_DIR / "postgres"):
        yield


@pytest.fixture(scope="session")
def served(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Run what a server runs: tables, graphs of tests/graphs, the graph loop, the engine."""
    from aegra_project import loopback
    from aegra_project.asgi import in_process
    from graphs import loop as graph_loop
    from graphs.registry import use_config
    from runs.engine.current import start_engine, stop_engine
    from runs.events.current import start_log, stop_log

    loopback.install(in_process)
    with django_db_blocker.unblock(), use_config(TEST_GRAPHS):
        asyncio.run(_set_up())
        graph_loop.start()
        notices.start()
        start_log()
        start_engine()
        yield
        stop_engine()
        stop_log()
        notices.stop()
        graph_loop.stop()


async def _set_up() -> None:
    from assistants.sync import sync_system_assistants
    from graphs import checkpointer
    from store import backend

    await checkpointer.setup()
    await backend.setup()
    await sync_system_assistants()
    await backend.close_store()
    await db.close_pool()


@pytest.fixture(scope="session")
async def other_api(served: None) -> AsyncIterator[httpx.AsyncClient]:
    """The API, called through the ASGI application as a server would.

    For what differs from the API's description on purpose: routes left out, or in front.
    """
    from aegra_project.asgi import application
    from store.backend import close_store

    app: Any = application
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", timeout=30
    ) as client:
        yield client
    await close_store()
    await db.close_pool()


@pytest.fixture(scope="session")
async def api(other_api: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """The API; each answer is compared with the API's description."""
    async with httpx.AsyncClient(
        transport=other_api._transport,
        base_url="http://localhost",
        timeout=30,
        event_hooks={"response": [conforms]},
    ) as client:
        yield client


@pytest.fixture
def client_at(api: httpx.AsyncClient) -> Callable[[str], httpx.AsyncClient]:
    """Make a client of the API on a machine of another address."""
    from aegra_project.asgi import application

    app: Any = application

    def make(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=app, client=(address, 1234))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost")

    return make


@pytest.fixture
def thread(api: httpx.AsyncClient) -> Callable[..., Awaitable[str]]:
    """Make a thread and return its id."""

    async def make(**fields: Any) -> str:
        answer = await api.post("/threads", json=fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["thread_id"])

    return make


@pytest.fixture
def assistant(api: httpx.AsyncClient) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Make an assistant, of the graph `echo` unless another is named, and return it."""

    async def make(**fields: Any) -> dict[str, Any]:
        answer = await api.post("/assistants", json={"graph_id": "echo", **fields})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return make


@pytest.fixture
def statements(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> Statements:
    """The SQL statements of the test's requests so far, whichever pool they took; no run's."""
    from runs.engine.current import current_engine
    from runs.engine.slots import held

    def is_engine_s() -> bool:
        return held.get() is not None or asyncio.current_task() in current_engine()._tasks

    return count_statements(monkeypatch, is_engine_s)


@pytest.fixture
def drain(served: None, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[None]]:
    """Do the background jobs that are due, until none is left; none is made by the clock."""
    from procrastinate.contrib.django import app

    monkeypatch.setattr(app, "periodic_defaults", {"max_delay": 0})

    async def until_idle() -> None:
        await work(until_idle=True)

    return until_idle
