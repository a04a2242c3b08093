"""`http.app`: an application of the project's, with the API inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import httpx
import pytest
from drf_spectacular.validation import validate_schema

from aegra_project.tests.custom_projects import ServingApp
from tests.streaming import reading, settled


async def test_its_routes_run_on_the_loop_of_its_lifespan(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving():
        answer = await other_api.get("/hello")

        assert answer.json() == {"same": True, "log": ["up"]}


@pytest.mark.parametrize("target", ["app.py:app", "wrapped.py:app"])
async def test_a_path_goes_to_the_first_that_has_it(
    other_api: httpx.AsyncClient, serving: ServingApp, target: str
) -> None:
    with serving(target):
        answers = {
            path: (await other_api.get(path)).text
            for path in ("/ok", "/info", "/threads", "/admin/mine", "/", "/runs/x/stream")
        }
        wrong_method = await other_api.post("/threads", json={})
        of_the_api = await other_api.post("/threads/count", json={})
        unknown = await other_api.get("/nothing")

    assert answers["/ok"] == '{"ok":true,"services":{}}'
    assert answers["/info"] == answers["/threads"] == '"mine"'
    assert answers["/admin/mine"] != '"mine"'
    assert answers["/"].startswith('{"ok":true')
    assert "Invalid run ID" in answers["/runs/x/stream"]
    assert wrong_method.status_code == 405
    assert of_the_api.status_code == 200
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})


async def test_its_middleware_wraps_the_api_and_no_probe(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving("wrapped.py:app"):
        answers = {
            path: await other_api.get(path)
            for path in ("/hello", "/threads/x", "/info", "/ok", "/docs", "/live", "/admin/")
        }

    stamped = {path for path, answer in answers.items() if "x-stamp" in answer.headers}
    assert stamped == {"/hello", "/threads/x", "/info"}
    assert answers["/threads/x"].json() == {"detail": "Invalid thread ID: must be a UUID"}


async def test_a_stream_passes_its_middleware_part_by_part(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    body = {"assistant_id": "slowwriter", "input": {"count": 4}, "stream_mode": "custom"}
    with serving("wrapped.py:app"):
        clock = asyncio.get_running_loop().time
        async with reading("POST", "/runs/stream", body) as reader:
            times = [clock() async for frame in reader.frames() if frame.event == "custom"]

    assert len(times) == 4
    assert times[-1] - times[0] > 0.1


async def test_a_client_that_leaves_a_stream_is_noticed_through_its_middleware(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    thread_id = (await other_api.post("/threads", json={})).json()["thread_id"]
    body = {"assistant_id": "sleeper", "input": {"seconds": 20}, "on_disconnect": "cancel"}
    with serving("wrapped.py:app"):
        async with reading("POST", f"/threads/{thread_id}/runs/stream", body) as reader:
            await reader.until("metadata")
        assert (await settled(other_api, thread_id))["status"] != "busy"

    [run] = (await other_api.get(f"/threads/{thread_id}/runs")).json()
    assert run["status"] == "interrupted"


async def test_a_route_runs_a_graph_of_the_server(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving("wrapped.py:app"):
        answer = await other_api.get("/run/echo")

    assert answer.json()["messages"][-1]["content"] == "hi"


async def test_its_errors_are_answered_by_its_handlers_or_with_500(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving():
        handled = await other_api.post("/fruit", json={"fruit": "apple"})
        malformed = await other_api.post("/fruit", json={})
        failed = await other_api.get("/fails")

    assert (handled.status_code, handled.json()) == (418, {"detail": "no fruit"})
    assert malformed.status_code == 422
    assert failed.status_code == 500


async def test_an_application_that_shows_no_routes_gets_what_the_api_lacks(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving("plain.py:app"):
        assert (await other_api.get("/anything")).text == "/anything"
        assert (await other_api.get("/info")).json()["version"]
        assert (await other_api.post("/threads/count", json={})).status_code == 200


async def test_its_routes_are_described_with_the_api_s(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving():
        schema = (await other_api.get("/openapi.json")).json()

    validate_schema(schema)  # type: ignore[no-untyped-call]
    assert {"/hello", "/fruit", "/threads/search", "/ok"} <= schema["paths"].keys()
    body = schema["paths"]["/fruit"]["post"]["requestBody"]["content"]["application/json"]
    name = body["schema"]["$ref"].rpartition("/")[2]
    schemas = schema["components"]["schemas"]
    assert schemas[name]["properties"].keys() == {"fruit"}
    assert "detail" in schemas["Error"]["properties"]


async def test_a_foreign_page_or_host_reaches_no_route(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    evil, page = {"origin": "https://evil.example"}, {"origin": "http://localhost:3000"}
    with serving():
        rebound = await other_api.get("/hello", headers={"host": "evil.example"})
        foreign = await other_api.post("/fruit", json={"fruit": "x"}, headers=evil)
        unread = await other_api.get("/hello", headers=evil)
        known = await other_api.get("/hello", headers=page)
        asked = {**page, "access-control-request-method": "POST"}
        preflight = await other_api.options("/fruit", headers=asked)

    assert rebound.status_code == 400
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in unread.headers
    assert known.headers["access-control-allow-origin"] == page["origin"]
    assert preflight.headers["access-control-allow-methods"]


FAR: TypeAlias = "Callable[[str], httpx.AsyncClient]"


@pytest.mark.parametrize("target", ["app.py:app", "wrapped.py:app"])
async def test_its_routes_are_open_unless_they_are_to_ask_who_calls(
    client_at: FAR, serving: ServingApp, target: str
) -> None:
    async with client_at("192.0.2.7") as far:
        with serving(target):
            assert (await far.get("/hello")).status_code == 200
            assert (await far.post("/threads/count", json={})).status_code == 403
    async with client_at("192.0.2.7") as far:
        with serving(target, enable_custom_route_auth=True):
            refused = await far.get("/hello")
            assert refused.status_code == 403
            assert "ALLOW_ANONYMOUS" in refused.json()["detail"]
            assert (await far.get("/ok")).status_code == 200


async def test_a_route_that_asks_knows_its_caller(
    other_api: httpx.AsyncClient, serving: ServingApp
) -> None:
    with serving(enable_custom_route_auth=True):
        assert (await other_api.get("/whoami")).json() == {"identity": ""}


@pytest.mark.parametrize(
    ("order", "is_asked_before"), [("middleware_first", "False"), ("auth_first", "True")]
)
async def test_callers_are_asked_for_before_or_after_its_middleware(
    other_api: httpx.AsyncClient,
    client_at: FAR,
    serving: ServingApp,
    order: str,
    is_asked_before: str,
) -> None:
    async with client_at("192.0.2.7") as far:
        with serving("wrapped.py:app", middleware_order=order):
            answer = await other_api.post("/threads/count", json={})
            refused = await far.post("/threads/count", json={})
            open_to_all = await far.get("/")

    assert answer.headers["x-stamp"] == is_asked_before
    assert refused.status_code == 403
    assert ("x-stamp" in refused.headers) is (order == "middleware_first")
    assert open_to_all.status_code == 200
