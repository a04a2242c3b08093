from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from common.jsoncodec import Json


async def test_a_fresh_thread_has_the_keys_of_the_wire(api: httpx.AsyncClient) -> None:
    answer = await api.post("/threads", json={})

    assert answer.status_code == 200
    made = answer.json()
    assert UUID(made.pop("thread_id")).version == 7
    moments = {made.pop(f"{name}_at") for name in ("created", "updated", "state_updated")}
    assert len(moments) == 1
    assert moments.pop().endswith("+00:00")
    assert made == {
        "metadata": {},
        "status": "idle",
        "config": {},
        "values": None,
        "interrupts": {},
        "error": None,
    }


async def test_a_client_may_choose_the_id_and_any_metadata(api: httpx.AsyncClient) -> None:
    metadata = {"snow": "☃", "quote": 'it\'s 100% \\ "so"', "none": None, "big": 2**63, "f": 0.1}
    thread_id = str(uuid4())

    made = (await api.post("/threads", json={"thread_id": thread_id, "metadata": metadata})).json()

    assert made["thread_id"] == thread_id
    assert made["metadata"] == metadata
    assert (await api.get(f"/threads/{thread_id}")).json() == made


@pytest.mark.parametrize("if_exists", [None, "raise"])
async def test_a_taken_id_is_409(api: httpx.AsyncClient, if_exists: str | None) -> None:
    body: dict[str, Json] = {"thread_id": str(uuid4()), "metadata": {"n": 1}}
    made = (await api.post("/threads", json=body)).json()

    answer = await api.post("/threads", json={**body, "metadata": {"n": 2}, "if_exists": if_exists})

    assert answer.status_code == 409
    assert answer.json() == {"detail": f"Thread with ID {body['thread_id']} already exists"}
    assert (await api.get(f"/threads/{body['thread_id']}")).json() == made


async def test_do_nothing_returns_the_thread_that_is_there(api: httpx.AsyncClient) -> None:
    body: dict[str, Json] = {"thread_id": str(uuid4()), "metadata": {"n": 1}}
    made = (await api.post("/threads", json=body)).json()

    again = await api.post(
        "/threads", json={**body, "metadata": {"n": 2}, "if_exists": "do_nothing"}
    )

    assert (again.status_code, again.json()) == (200, made)


async def test_of_creates_at_once_one_makes_the_thread(api: httpx.AsyncClient) -> None:
    body = {"thread_id": str(uuid4())}

    answers = await asyncio.gather(*(api.post("/threads", json=body) for _ in range(10)))

    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
