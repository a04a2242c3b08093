"""The Agent Protocol's runs: agents for assistants, and runs by their id alone."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from common.tests.statements import Statements
from tests.streaming import MakeThread, parsed, reading, settled, started

HI: dict[str, Any] = {"messages": ["hi"]}
LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


@pytest.fixture
async def kept(api: httpx.AsyncClient) -> Any:
    """A run that has ended, on a thread that stayed."""
    body = {"assistant_id": "echo", "input": HI, "on_completion": "keep"}
    run = (await api.post("/runs", json=body)).json()
    await settled(api, run["thread_id"])
    return run


async def test_an_agent_is_an_assistant(api: httpx.AsyncClient, assistant: Any) -> None:
    own = (await assistant())["assistant_id"]

    for name in ("echo", own):
        run = (await api.post("/runs", json={"agent_id": name, "input": HI})).json()
        assert run["agent_id"] == run["assistant_id"]
        assert run["metadata"]["graph_id"] == "echo"


async def test_an_agent_may_be_named_on_a_threads_path_too(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}/runs/wait"

    answer = await api.post(path, json={"agent_id": "echo", "assistant_id": "echo", "input": HI})

    assert [message["content"] for message in answer.json()["messages"]] == ["hi", "hi"]


async def test_messages_may_be_given_beside_the_input(api: httpx.AsyncClient) -> None:
    body = {"agent_id": "echo", "messages": [{"role": "user", "content": "hello"}]}

    told = (await api.post("/runs/wait", json=body)).json()

    said = [(message["role"], message["content"]) for message in told["messages"]]
    assert said == [("user", "hello"), ("assistant", "hello")]
    assert [message["type"] for message in told["values"]["messages"]] == ["human", "ai"]
    assert (told["run"]["status"], told["run"]["on_completion"]) == ("success", "delete")


@pytest.mark.parametrize("way", ["", "/wait", "/stream"])
async def test_a_run_whose_body_names_a_thread_is_upon_it(
    api: httpx.AsyncClient, thread: MakeThread, way: str
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "echo", "input": HI, "thread_id": thread_id}

    answer = await api.post(f"/runs{way}", json=body)

    assert answer.status_code == 200, answer.text
    shown = await settled(api, thread_id)
    (run,) = (await api.get(f"/threads/{thread_id}/runs")).json()
    assert [message["content"] for message in shown["values"]["messages"]] == ["hi", "hi"]
    place = f"/threads/{thread_id}/runs/{run['run_id']}"
    assert answer.headers["content-location"] == place


@pytest.mark.parametrize("way", ["", "/wait", "/stream"])
async def test_a_thread_that_is_not_there_is_made_only_when_asked(
    api: httpx.AsyncClient, way: str
) -> None:
    thread_id = str(uuid4())
    body = {"agent_id": "echo", "input": HI, "thread_id": thread_id}

    answer = await api.post(f"/runs{way}", json=body)
    assert (answer.status_code, thread_id in answer.json()["detail"]) == (404, True)

    answer = await api.post(f"/runs{way}", json={**body, "if_not_exists": "create"})
    assert answer.status_code == 200
    assert (await settled(api, thread_id))["status"] == "idle"


async def test_a_resume_needs_a_thread_and_the_body_may_name_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    body = {"assistant_id": "ask", "input": HI, "thread_id": thread_id}
    await api.post("/runs/wait", json=body)

    answer = await api.post("/runs/wait", json={**body, "command": {"resume": "sure"}})

    assert answer.json()["messages"][-1]["content"] == "got sure"


async def test_a_thread_id_that_is_no_uuid_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/runs", json={"assistant_id": "echo", "thread_id": "x"})
    assert (answer.status_code, answer.json()["detail"]) == (422, "thread_id: must be a UUID")


async def test_a_run_is_read_by_its_id_alone(api: httpx.AsyncClient, kept: Any) -> None:
    run = (await api.get(f"/runs/{kept['run_id']}")).json()

    assert (run["run_id"], run["thread_id"]) == (kept["run_id"], kept["thread_id"])
    assert (run["agent_id"], run["status"]) == (kept["assistant_id"], "success")
    assert (run["input"], run["stream_mode"]) == (HI, ["values"])
    assert run["config"]["configurable"]["thread_id"] == kept["thread_id"]


async def test_a_run_that_is_being_executed_is_told_as_pending(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = await started(api, thread_id, **LONG)

    shown = (await api.get(f"/runs/{run_id}")).json()
    found = await api.post("/runs/search", json={"thread_id": thread_id, "status": "pending"})

    assert shown["status"] == "pending"
    assert [run["run_id"] for run in found.json()] == [run_id]
    assert (await api.post(f"/runs/{run_id}/cancel?wait=1")).status_code == 204


async def test_a_run_is_waited_for_by_its_id_alone(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "sleeper", "input": {"seconds": 0.2}, "on_completion": "keep"}
    run = (await api.post("/runs", json=body)).json()

    told = (await api.get(f"/runs/{run['run_id']}/wait")).json()
    joined = (await api.get(f"/runs/{run['run_id']}/join")).json()

    assert told["values"] == joined == {"seconds": 0.2, "done": True}
    assert (told["run"]["status"], "messages" in told) == ("success", False)


async def test_a_run_that_is_over_is_not_waited_for(api: httpx.AsyncClient, kept: Any) -> None:
    told = (await api.get(f"/runs/{kept['run_id']}/wait")).json()

    assert [message["role"] for message in told["messages"]] == ["user", "assistant"]


async def test_what_went_wrong_is_told_of_a_stateless_run_too(api: httpx.AsyncClient) -> None:
    told = (await api.post("/runs/wait", json={"agent_id": "boom", "input": HI})).json()

    assert told["run"]["status"] == "error"
    assert told["values"] == {"__error__": {"error": "ValueError", "message": "kaput"}}


async def test_a_run_is_followed_by_its_id_alone(api: httpx.AsyncClient, kept: Any) -> None:
    headers = {"last-event-id": "-1"}

    answer = await api.get(f"/runs/{kept['run_id']}/stream", headers=headers)

    assert [frame.event for frame in parsed(answer.text)] == ["metadata", "values", "values"]


async def test_a_run_is_cancelled_by_its_id_alone(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    async with reading("POST", f"/threads/{thread_id}/runs/stream", LONG) as reader:
        await reader.until("values")
        run_id = reader.headers["content-location"].rpartition("/")[2]

        answer = await api.post(f"/runs/{run_id}/cancel?wait=true")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(f"/runs/{run_id}")).json()["status"] == "interrupted"
    again = await api.post(f"/runs/{run_id}/cancel")
    assert (again.status_code, "has ended" in again.json()["detail"]) == (404, True)
    assert (await api.post(f"/runs/{run_id}/cancel?action=x")).status_code == 422


async def test_a_run_is_rolled_back_by_its_id_alone(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    run_id = await started(api, await thread(), **LONG)

    answer = await api.post(f"/runs/{run_id}/cancel?action=rollback&wait=1")

    assert answer.status_code == 204
    assert (await api.get(f"/runs/{run_id}")).status_code == 404


async def test_a_run_is_deleted_by_its_id_alone(api: httpx.AsyncClient, kept: Any) -> None:
    answer = await api.delete(f"/runs/{kept['run_id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await api.get(f"/threads/{kept['thread_id']}/runs")).json() == []


WAYS = [
    ("GET", ""),
    ("DELETE", ""),
    ("GET", "/wait"),
    ("GET", "/join"),
    ("GET", "/stream"),
    ("POST", "/cancel"),
]


@pytest.mark.parametrize(("method", "way"), WAYS)
async def test_a_run_that_went_with_its_thread_is_404(
    api: httpx.AsyncClient, method: str, way: str
) -> None:
    run = (await api.post("/runs", json={"assistant_id": "echo", "input": HI})).json()
    while (answer := await api.get(f"/threads/{run['thread_id']}")).status_code != 404:
        assert answer.json()["status"] == "busy"

    async with asyncio.timeout(2):
        answer = await api.request(method, f"/runs/{run['run_id']}{way}")

    assert answer.status_code == 404
    assert run["run_id"] in answer.json()["detail"]


@pytest.mark.parametrize(("method", "way"), WAYS)
@pytest.mark.parametrize(("name", "status"), [("x", 422), (str(uuid4()), 404)], ids=["x", "none"])
async def test_an_id_of_no_run(
    api: httpx.AsyncClient, method: str, way: str, name: str, status: int
) -> None:
    answer = await api.request(method, f"/runs/{name}{way}")

    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(("method", "way"), [*WAYS, ("POST", ""), ("PATCH", "/x"), ("POST", "/x")])
@pytest.mark.parametrize("at", ["/runs/crons", f"/threads/{uuid4()}/runs/crons"], ids=["", "own"])
async def test_crons_are_not_taken_for_a_run(
    api: httpx.AsyncClient, method: str, way: str, at: str
) -> None:
    answer = await api.request(method, at + way)

    assert answer.status_code in (404, 405, 422)
    assert "run" not in answer.json()["detail"].lower()


async def searched(api: httpx.AsyncClient, **body: Any) -> list[str]:
    answer = await api.post("/runs/search", json=body)
    assert answer.status_code == 200, answer.text
    return [run["run_id"] for run in answer.json()]


async def test_runs_are_searched_over_all_threads(
    api: httpx.AsyncClient, thread: MakeThread, assistant: Any
) -> None:
    own = (await assistant())["assistant_id"]
    first, second = await thread(), await thread()
    ids = []
    for thread_id, tag in [(first, "a"), (second, "b"), (first, "b")]:
        body = {"assistant_id": own, "input": HI, "metadata": {"tag": tag, own: 1}}
        ids.append(await started(api, thread_id, **body))
    for thread_id in (first, second):
        await settled(api, thread_id)

    mine = {"agent_id": own}
    assert await searched(api, **mine) == ids[::-1]
    assert await searched(api, **mine, thread_id=first) == [ids[2], ids[0]]
    assert await searched(api, **mine, metadata={"tag": "b"}) == [ids[2], ids[1]]
    assert await searched(api, metadata={own: 1}, limit=1, offset=1) == [ids[1]]
    assert await searched(api, **mine, status="success") == ids[::-1]
    assert await searched(api, **mine, status="error") == []
    assert await searched(api, thread_id=str(uuid4())) == []
    assert await searched(api, agent_id="echo", metadata={own: 1}) == []


async def test_a_search_is_one_statement(api: httpx.AsyncClient, statements: Statements) -> None:
    await searched(api, limit=100)

    assert sum("ORDER BY run_id DESC" in sent for sent in statements) == 1


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"limit": 0}, "limit: "),
        ({"limit": 1001}, "limit: "),
        ({"offset": -1}, "offset: "),
        ({"status": "done"}, "status: must be one of pending, running, "),
        ({"thread_id": "x"}, "thread_id: must be a UUID"),
        ({"agent_id": "nope"}, "agent_id: must be the UUID of an agent, or one of the graphs: "),
        ({"agent_id": 3}, "agent_id: must be the UUID"),
        ({"metadata": []}, "metadata: must be an object"),
        ([], "must be a JSON object"),
    ],
    ids=[str(number) for number in range(9)],
)
async def test_a_search_refuses_what_it_does_not_know(
    api: httpx.AsyncClient, body: Any, told: str
) -> None:
    answer = await api.post("/runs/search", json=body)

    assert answer.status_code == 422
    assert told in answer.json()["detail"]
