"""What holds for every request, whichever resource it asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.conf import settings

from aegra_project import asgi

PAGE = "http://localhost:3000"
EXPOSED = "x-pagination-total, x-pagination-next, content-location, location, x-request-id"


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}]
)
async def test_a_body_is_json_whatever_its_header_says(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await api.post("/threads", content=b' {"metadata": {"a": 1}}\n', headers=headers)

    assert (answer.status_code, answer.json()["metadata"]) == (200, {"a": 1})


@pytest.mark.parametrize("body", [b"", b"  \n"])
async def test_an_empty_body_is_an_empty_object(api: httpx.AsyncClient, body: bytes) -> None:
    assert (await api.post("/threads", content=body)).status_code == 200
    assert (await api.post("/threads/count", content=body)).status_code == 200


async def test_unknown_fields_are_ignored(api: httpx.AsyncClient) -> None:
    answer = await api.post("/threads/search", json={"limit": 1, "nonsense": {"a": 1}, "x-y": None})

    assert answer.status_code == 200


@pytest.mark.parametrize("select", [["status", "run_id"], '["status","run_id"]'])
async def test_a_list_in_the_query_is_repeated_or_a_json_array(
    api: httpx.AsyncClient, select: str | list[str]
) -> None:
    thread_id = (await api.post("/threads", json={})).json()["thread_id"]
    run = {"assistant_id": "echo", "input": {"messages": []}}
    await api.post(f"/threads/{thread_id}/runs/wait", json=run)

    [shown] = (await api.get(f"/threads/{thread_id}/runs", params={"select": select})).json()

    assert shown.keys() == {"status", "run_id"}


async def test_a_request_id_is_taken_or_made(api: httpx.AsyncClient) -> None:
    given = await api.get("/ok", headers={"x-request-id": "mine-1"})
    made = await api.get("/threads/x")
    forged = await api.get("/ok", headers={"x-request-id": "a b"})

    assert given.headers["x-request-id"] == "mine-1"
    assert UUID(made.headers["x-request-id"]).version == 7
    assert forged.headers["x-request-id"] != "a b"


async def test_the_headers_of_clients_are_tolerated(api: httpx.AsyncClient) -> None:
    headers = {"x-api-key": "lsv2_x", "authorization": "Bearer x", "x-auth-scheme": "langsmith"}

    assert (await api.post("/threads/count", json={}, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/ok", 200), ("/threads/x", 422), ("/nothing", 404), ("/threads/search", 405)],
)
async def test_a_page_may_read_every_answer(api: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await api.get(path, headers={"origin": PAGE})

    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == EXPOSED
    assert answer.headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        PAGE,
        "http://127.0.0.1",
        "https://localhost:8443",
        "http://[::1]:5173",
        "https://smith.langchain.com",
        "https://agentchat.vercel.app",
        "https://ours.example",
    ],
)
async def test_a_preflight_allows_what_it_asks(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setattr(settings, "CORS_ALLOW_ORIGINS", ["https://*.example"])
    headers = {
        "origin": origin,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "x-api-key,x-anything",
        "access-control-request-private-network": "true",
    }

    answer = await api.options("/threads/x", headers=headers)

    allowed = {
        name.removeprefix("access-control-allow-"): value
        for name, value in answer.headers.items()
        if name.startswith("access-control-allow-")
    }
    assert answer.status_code == 200
    assert (answer.content, answer.headers["content-length"]) == (b"", "0")
    assert answer.headers["access-control-max-age"] == "600"
    assert allowed == {
        "origin": origin,
        "methods": "GET, POST, PUT, PATCH, DELETE, OPTIONS",
        "headers": "x-api-key,x-anything",
        "private-network": "true",
    }


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://localhost:3000.evil.example",
        "https://smith.langchain.com.evil.example",
        "null",
    ],
)
async def test_a_foreign_page_may_neither_read_nor_change(
    api: httpx.AsyncClient, origin: str
) -> None:
    thread_id = str(uuid4())
    body, headers = f'{{"thread_id": "{thread_id}"}}', {"origin": origin}

    read = await api.get("/info", headers=headers)
    preflight = await api.options(
        "/threads", headers={**headers, "access-control-request-method": "POST"}
    )
    written = await api.post(
        "/threads", content=body, headers={**headers, "content-type": "text/plain"}
    )

    assert written.status_code == 403
    assert "CORS_ALLOW_ORIGINS" in written.json()["detail"]
    for answer in (read, preflight, written):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert (await api.get(f"/threads/{thread_id}")).status_code == 404


async def test_the_servers_own_page_may_call_it(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["agents.example"])
    headers = {"host": "agents.example", "origin": "https://agents.example"}

    assert (await api.post("/threads", json={}, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:2026", "localhost.evil.example", ""]
)
async def test_an_unknown_host_is_400(api: httpx.AsyncClient, host: str) -> None:
    answer = await api.get("/ok", headers={"host": host})

    assert answer.status_code == 400
    assert "ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("host", ["localhost:2026", "127.0.0.1", "[::1]:80", "app.localhost"])
async def test_loopback_is_a_known_host(api: httpx.AsyncClient, host: str) -> None:
    assert (await api.get("/ok", headers={"host": host})).status_code == 200


LARGE = b'{"metadata": {"a": "%b"}}' % (b"x" * 20_000)


async def in_chunks() -> AsyncIterator[bytes]:
    for start in range(0, len(LARGE), 1000):
        yield LARGE[start : start + 1000]


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_body_over_the_limit_is_413(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, is_announced: bool
) -> None:
    monkeypatch.setattr(settings, "MAX_BODY_MB", 0.015)
    before = (await api.post("/threads/count")).json()

    content = LARGE if is_announced else in_chunks()
    answer = await api.post("/threads", content=content, headers={"origin": PAGE})

    assert answer.status_code == 413
    assert "0.015 MB (MAX_BODY_MB)" in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["connection"] == "close"
    assert (await api.post("/threads/count")).json() == before


async def test_a_body_within_the_limit_may_be_long(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "x" * 3_000_000

    answer = await api.post("/threads", json={"metadata": {"a": text}})

    assert (answer.status_code, answer.json()["metadata"]) == (200, {"a": text})


@pytest.mark.parametrize("query", [b"select=%ff", b"select=%ED%A0%80", b"select=%00"])
async def test_a_query_that_is_no_text_is_refused(api: httpx.AsyncClient, query: bytes) -> None:
    url = httpx.URL(f"http://localhost/threads/{uuid4()}/runs").copy_with(query=query)

    answer = await api.get(url)

    assert answer.status_code == 422
    assert answer.json()["detail"]


async def test_a_query_that_is_not_ascii_either_is_400(api: httpx.AsyncClient) -> None:
    sent: list[Mapping[str, Any]] = []
    scope = {"type": "http", "method": "GET", "path": "/ok", "query_string": b"\xff", "headers": []}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await asgi.api(scope, receive, send)

    assert sent[0]["status"] == 400
    assert b"UTF-8" in sent[1]["body"]
