"""What is no good is refused by the status of the reference, with a word of help, and unwritten."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest

from common import db
from common.jsoncodec import Json

ASSISTANT, THREAD, RUN = (
    "fe096781-5601-53d2-b2f6-0d3403f7e9ca",
    str(UUID(int=0xA)),
    str(UUID(int=2)),
)
RUN_BODY: dict[str, Json] = {"assistant_id": "echo", "input": {"messages": []}}
ITEM: dict[str, Json] = {"namespace": ["bad"], "key": "k", "value": {}}

# Each endpoint that takes a body, with one that is good.
BODIES: dict[tuple[str, str], dict[str, Json]] = {
    ("POST", "/assistants"): {"graph_id": "echo"},
    ("POST", "/assistants/search"): {},
    ("POST", "/assistants/count"): {},
    ("PATCH", f"/assistants/{ASSISTANT}"): {"metadata": {}},
    ("POST", f"/assistants/{ASSISTANT}/versions"): {},
    ("POST", f"/assistants/{ASSISTANT}/latest"): {"version": 1},
    ("POST", "/agents/search"): {},
    ("POST", "/threads"): {},
    ("POST", "/threads/search"): {},
    ("POST", "/threads/count"): {},
    ("PATCH", f"/threads/{THREAD}"): {"metadata": {}},
    ("POST", f"/threads/{THREAD}/state"): {"values": {"messages": []}},
    ("POST", f"/threads/{THREAD}/state/checkpoint"): {"checkpoint": {}},
    ("POST", f"/threads/{THREAD}/history"): {},
    ("POST", f"/threads/{THREAD}/runs"): RUN_BODY,
    ("POST", f"/threads/{THREAD}/runs/wait"): RUN_BODY,
    ("POST", f"/threads/{THREAD}/runs/stream"): RUN_BODY,
    ("POST", "/runs"): RUN_BODY,
    ("POST", "/runs/wait"): RUN_BODY,
    ("POST", "/runs/stream"): RUN_BODY,
    ("PUT", "/store/items"): ITEM,
    ("DELETE", "/store/items"): {"namespace": ["bad"], "key": "k"},
    ("POST", "/store/items/search"): {"namespace_prefix": ["bad"]},
    ("POST", "/store/namespaces"): {},
}
# What no field of any body may hold, and a word that the refusal says.
UNKEEPABLE = {
    b"}": "Invalid JSON",
    b'"half': "Invalid JSON",
    b"[" * 10_000 + b"]" * 10_000: "Invalid JSON",
    b'{"a":' * 500 + b"1" + b"}" * 500: "nested deeper",
    b'"a\\u0000b"': "NUL",
    b'{"a\\u0000": 1}': "NUL",
    b'"\\ud800"': "surrogate",
    b'{"\\udfff": 1}': "surrogate",
    b"NaN": "Invalid JSON",
    b"-Infinity": "Invalid JSON",
    b"1e999": "Invalid JSON",
    b"18446744073709551616": "64 bits",
    b"-9223372036854775809": "64 bits",
    b"9" * 300: "64 bits",
    b'"\xff"': "Invalid JSON",
}
ROWS = """
SELECT (SELECT count(*) FROM assistant) AS assistants, (SELECT count(*) FROM thread) AS threads,
       (SELECT count(*) FROM assistant_version) AS versions, (SELECT count(*) FROM run) AS runs,
       (SELECT count(*) FROM checkpoints) AS checkpoints, (SELECT count(*) FROM store) AS items,
       (SELECT updated_at FROM thread WHERE thread_id = %s) AS updated_at
"""


@pytest.fixture(autouse=True)
async def unwritten(api: httpx.AsyncClient) -> AsyncIterator[None]:
    """Fail the test that leaves a row more, or the thread changed."""
    metadata: Json = {"graph_id": "echo"}
    await api.post(
        "/threads", json={"thread_id": THREAD, "metadata": metadata, "if_exists": "do_nothing"}
    )
    before = await db.fetch_one(ROWS, [THREAD])
    yield
    assert await db.fetch_one(ROWS, [THREAD]) == before


async def refused(api: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await api.request(method, path, content=content)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() >= {"detail"}
    assert len(answer.json()["detail"]) < 1000
    return answer


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_json_that_cannot_be_kept_is_422(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    good = json.dumps(BODIES[method, path]).encode()
    for bad, word in UNKEEPABLE.items():
        comma = b", " if BODIES[method, path] else b""

        answer = await refused(api, method, path, good[:-1] + comma + b'"metadata": ' + bad + b"}")

        assert answer.status_code == 422, bad[:40]
        assert word in answer.json()["detail"], bad[:40]


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_a_body_that_is_no_object_is_422(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    bodies: list[Json] = [[], "text", 7, True, None]
    for body in bodies:
        answer = await refused(api, method, path, body)

        assert answer.status_code == 422
        assert "must be a JSON object" in answer.json()["detail"]


WRONG_FIELDS: dict[str, list[tuple[str, dict[str, Json]]]] = {
    "POST /assistants": [
        ("graph_id", {"graph_id": None}),
        ("graph_id", {"graph_id": 7}),
        ("graph_id", {"graph_id": ""}),
        ("assistant_id", {"graph_id": "echo", "assistant_id": "x"}),
        ("assistant_id", {"graph_id": "echo", "assistant_id": 7}),
        ("if_exists", {"graph_id": "echo", "if_exists": "maybe"}),
        ("name", {"graph_id": "echo", "name": ["x"]}),
        ("metadata", {"graph_id": "echo", "metadata": []}),
        ("config", {"graph_id": "echo", "config": "x"}),
        ("context", {"graph_id": "echo", "context": 1}),
    ],
    "POST /assistants/search": [
        ("limit", {"limit": -1}),
        ("limit", {"limit": 0}),
        ("limit", {"limit": 10**9}),
        ("limit", {"limit": "10"}),
        ("limit", {"limit": True}),
        ("limit", {"limit": 1.5}),
        ("offset", {"offset": -1}),
        ("offset", {"offset": 2**62}),
        ("sort_by", {"sort_by": "name; DROP TABLE assistant"}),
        ("sort_order", {"sort_order": "up"}),
        ("select.0", {"select": ["secret"]}),
        ("select", {"select": "name"}),
        ("select.0", {"select": [None]}),
    ],
    f"PATCH /assistants/{ASSISTANT}": [("name", {"name": 1}), ("config", {"config": []})],
    f"POST /assistants/{ASSISTANT}/versions": [
        ("metadata", {"metadata": []}),
        ("limit", {"limit": 0}),
        ("limit", {"limit": 1001}),
        ("offset", {"offset": -1}),
    ],
    f"POST /assistants/{ASSISTANT}/latest": [
        ("version", {}),
        ("version", {"version": None}),
        ("version", {"version": "1"}),
        ("version", {"version": True}),
        ("version", {"version": 0}),
        ("version", {"version": 2**31}),
    ],
    "POST /agents/search": [("name", {"name": 1}), ("limit", {"limit": 0})],
    "POST /threads": [
        ("thread_id", {"thread_id": "x"}),
        ("metadata", {"metadata": "x"}),
        ("if_exists", {"if_exists": True}),
    ],
    "POST /threads/search": [
        ("ids.1", {"ids": [THREAD, "x"]}),
        ("ids", {"ids": THREAD}),
        ("status", {"status": "lazy"}),
        ("status", {"status": ["idle"]}),
        ("values", {"values": []}),
        ("limit", {"limit": 1001}),
        ("sort_by", {"sort_by": "error"}),
        ("select.0", {"select": ["settled_status"]}),
    ],
    "POST /threads/count": [("status", {"status": "lazy"}), ("metadata", {"metadata": 1})],
    f"PATCH /threads/{THREAD}": [("metadata", {"metadata": [1]})],
    f"POST /threads/{THREAD}/state": [
        ("as_node", {"values": {}, "as_node": 1}),
        ("checkpoint", {"values": {}, "checkpoint": "x"}),
        ("checkpoint", {"values": {}, "checkpoint": {"checkpoint_id": 1}}),
        ("checkpoint", {"values": {}, "checkpoint": {"checkpoint_map": []}}),
    ],
    f"POST /threads/{THREAD}/state/checkpoint": [
        ("checkpoint", {}),
        ("checkpoint", {"checkpoint": None}),
        ("subgraphs", {"checkpoint": {}, "subgraphs": "perhaps"}),
    ],
    f"POST /threads/{THREAD}/history": [
        ("limit", {"limit": -5}),
        ("checkpoint", {"checkpoint": 1}),
    ],
    "POST /store/items/search": [
        ("namespace_prefix", {"namespace_prefix": "a"}),
        ("limit", {"limit": -1}),
        ("query", {"query": 1}),
    ],
    "POST /store/namespaces": [("prefix", {"prefix": [""]}), ("limit", {"limit": 10**9})],
}


@pytest.mark.parametrize(
    ("endpoint", "field", "body"),
    [(endpoint, *case) for endpoint, cases in WRONG_FIELDS.items() for case in cases],
)
async def test_a_wrong_field_is_422_and_named(
    api: httpx.AsyncClient, endpoint: str, field: str, body: dict[str, Json]
) -> None:
    method, path = endpoint.split(" ")

    answer = await refused(api, method, path, body)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{field}: ")


@pytest.mark.parametrize("path", ["assistants/search", "threads/search"])
async def test_a_wrong_word_is_answered_with_the_right_ones(
    api: httpx.AsyncClient, path: str
) -> None:
    answer = await refused(api, "POST", f"/{path}", {"sort_by": "x", "limit": 0})

    assert "sort_by: must be one of " in answer.json()["detail"]
    assert "created_at, updated_at" in answer.json()["detail"]
    assert "limit: " in answer.json()["detail"]


BY_ID = [
    ("GET", "/threads/{}"),
    ("PATCH", "/threads/{}"),
    ("DELETE", "/threads/{}"),
    ("GET", "/threads/{}/state"),
    ("POST", "/threads/{}/state"),
    ("GET", f"/threads/{{}}/state/{RUN}"),
    ("POST", "/threads/{}/state/checkpoint"),
    ("GET", "/threads/{}/history"),
    ("POST", "/threads/{}/history"),
    ("GET", "/threads/{}/runs"),
    ("POST", "/threads/{}/runs"),
    ("POST", "/threads/{}/runs/wait"),
    ("POST", "/threads/{}/runs/stream"),
    ("GET", f"/threads/{{}}/runs/{RUN}"),
    ("GET", f"/threads/{THREAD}/runs/{{}}"),
    ("DELETE", f"/threads/{THREAD}/runs/{{}}"),
    ("POST", f"/threads/{THREAD}/runs/{{}}/cancel"),
    ("GET", f"/threads/{THREAD}/runs/{{}}/join"),
    ("GET", f"/threads/{THREAD}/runs/{{}}/stream"),
    ("GET", "/assistants/{}"),
    ("PATCH", "/assistants/{}"),
    ("DELETE", "/assistants/{}"),
    ("GET", "/assistants/{}/graph"),
    ("GET", "/assistants/{}/schemas"),
    ("GET", "/assistants/{}/subgraphs"),
    ("GET", "/assistants/{}/subgraphs/sub"),
    ("POST", "/assistants/{}/versions"),
]


@pytest.mark.parametrize(("method", "path"), BY_ID)
async def test_an_id_that_is_no_uuid_is_422(api: httpx.AsyncClient, method: str, path: str) -> None:
    for wrong in ("1", "not-a-uuid", "%00", f"{THREAD}0", "%F0%9F%98%80", "'%20OR%201=1"):
        answer = await refused(api, method, path.format(wrong), BODIES.get((method, path), {}))

        assert answer.status_code == 422, wrong
        assert "UUID" in answer.json()["detail"] or "NUL" in answer.json()["detail"], wrong


async def test_an_id_may_be_of_any_version_and_case(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"/threads/{THREAD.upper()}")).json()["thread_id"] == THREAD


async def test_extreme_pages_are_empty(api: httpx.AsyncClient) -> None:
    page: dict[str, Json] = {"limit": 1000, "offset": 2**31 - 1}

    for path in ("assistants/search", "threads/search"):
        assert (await api.post(f"/{path}", json=page)).json() == []
    found = await api.post("/store/items/search", json={"namespace_prefix": [], **page})
    assert found.json() == {"items": []}


async def test_sql_in_a_value_is_a_value(api: httpx.AsyncClient) -> None:
    hostile = "'; DROP TABLE thread; -- %s %(x)s {0} \\"

    found = await api.post("/threads/search", json={"metadata": {hostile: hostile}})
    named = await api.post("/assistants/search", json={"name": hostile, "graph_id": hostile})

    assert (found.status_code, found.json()) == (200, [])
    assert (named.status_code, named.json()) == (200, [])
