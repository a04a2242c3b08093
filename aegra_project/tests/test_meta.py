from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version

import httpx
import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connections
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema

from aegra_project.meta import MetaViewSet
from common import db

# Pages and documents, which describe nothing that a client calls.
UNDESCRIBED = {"/", "/docs", "/openapi.json"}


async def test_ok_is_as_on_the_wire(api: httpx.AsyncClient) -> None:
    assert (await api.get("/ok")).text == '{"ok":true,"services":{}}'
    assert (await api.get("/ok", params={"check_db": "1"})).json() == {"ok": True, "services": {}}


@pytest.mark.parametrize("question", ["ok", "health", "ready"])
def test_a_database_that_is_gone_is_503(
    served: None, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
    monkeypatch.setitem(connections.settings["default"], "PORT", "1")
    monkeypatch.setattr(settings, "DB_CONNECT_SECONDS", 1)
    asked = RequestFactory().get(f"/{question}", {"check_db": "true"})

    async def ask() -> HttpResponse:
        answer: HttpResponse = await MetaViewSet.as_view({"get": question})(asked)
        await db.close_pool()
        return answer

    # A loop of its own, and so a pool of its own.
    answer = asyncio.run(ask())

    assert answer.status_code == 503
    assert "database" in json.loads(answer.content)["detail"]


async def test_the_probes_of_aegra_are_answered_to_anybody(
    api: httpx.AsyncClient, client_at: Callable[[str], httpx.AsyncClient]
) -> None:
    assert (await api.get("/health")).json() == {
        "status": "healthy",
        "database": "connected",
        "langgraph_checkpointer": "connected",
        "langgraph_store": "connected",
    }
    async with client_at("192.0.2.7") as far:
        assert (await far.get("/ready")).json() == {"status": "ready"}
        assert (await far.get("/live")).json() == {"status": "alive"}


async def test_info_has_the_keys_of_the_wire(api: httpx.AsyncClient) -> None:
    assert (await api.get("/info")).json() == {
        "version": settings.VERSION,
        "langgraph_py_version": version("langgraph"),
        "flags": {
            "assistants": True,
            "crons": True,
            "langsmith": False,
            "langsmith_tracing_replicas": False,
            "langsmith_tracing_session_on_runs": False,
            "strict_resume": True,
        },
        "host": {
            "kind": "self-hosted",
            "project_id": None,
            "host_revision_id": None,
            "revision_id": None,
            "tenant_id": None,
        },
    }


async def test_the_root_names_the_docs(api: httpx.AsyncClient) -> None:
    assert (await api.get("/")).json() == {"ok": True, "docs": "/docs", "admin": "/admin/"}


async def test_the_docs_need_no_other_host(api: httpx.AsyncClient) -> None:
    page = (await api.get("/docs")).text

    assert not re.search(r"(src|href)=.(https?:)?//", page)
    files = re.findall(r"/static/([^\"']+)", page)
    assert len(files) >= 4
    assert all(finders.find(file) for file in files)


async def test_the_description_is_valid_openapi_3_and_whole(api: httpx.AsyncClient) -> None:
    schema = (await api.get("/openapi.json")).json()

    validate_schema(schema)  # type: ignore[no-untyped-call]
    assert set(schema["paths"]) == set(routes()) - UNDESCRIBED


async def test_every_operation_of_the_description_is_named_once(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]

    operations = [operation for path in paths.values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["responses"] for operation in operations)


@pytest.mark.parametrize("path", ["/nothing", "/threads/", "/ok/", "/threads/a/b/c/d"])
async def test_an_unknown_path_is_404_in_json(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"detail": "Not Found"}


async def test_every_path_answers_a_wrong_method_with_405(api: httpx.AsyncClient) -> None:
    for path in routes():
        answer = await api.request("TRACE", re.sub(r"\{\w+\}", "x", path))

        assert answer.status_code == 405, path
        assert answer.json()["detail"].startswith("Method Not Allowed"), path
        assert answer.headers["allow"], path


async def test_options_and_head_are_answered(api: httpx.AsyncClient) -> None:
    options = await api.options("/threads/x")
    head = await api.head("/ok")

    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == "GET, PATCH, DELETE, HEAD"
    assert head.status_code == 200


def routes() -> Iterator[str]:
    """Return every path of the API, its parameters in braces."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[str]:
        for pattern in resolver.url_patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield re.sub(r"<\w+:(\w+)>", r"{\1}", path)
            elif not path.startswith("/admin"):
                yield from walk(pattern, path)

    return (path for path in walk(get_resolver(), "/") if not path.startswith("/admin"))
