"""How many statements a run takes, besides those of its checkpoints."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from runs.engine.queries import FENCE
from tests.streaming import MakeThread
from threads.seen import forget_thread

ECHO = {"assistant_id": "echo", "input": {"messages": [{"role": "user", "content": "hi"}]}}

counted: ContextVar[bool] = ContextVar("counted", default=False)
"""Set for a request and all that comes of it, on whatever loop."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gather what is sent to the database for a request, transactions of checkpoints apart."""
    sent: list[str] = []

    def gathering(owner: Any, name: str) -> None:
        send = getattr(owner, name)

        def gathered(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            text = query.decode() if isinstance(query, bytes) else str(query)
            if hasattr(query, "as_string"):
                text = query.as_string(None)
            if counted.get() and text != FENCE and "checkpoint" not in text:
                sent.append(" ".join(text.split()))
            return send(self, query, *args, **kwargs)

        monkeypatch.setattr(owner, name, gathered)

    gathering(psycopg.AsyncCursor, "execute")
    gathering(psycopg.AsyncCursor, "executemany")
    return sent


async def test_a_run_takes_four_statements(
    api: httpx.AsyncClient, thread: MakeThread, statements: list[str]
) -> None:
    thread_id = await thread()
    forget_thread(UUID(thread_id))
    path = f"/threads/{thread_id}/runs/wait"
    counted.set(True)

    answer = await api.post(path, json=ECHO)

    assert answer.json()["messages"][-1]["content"] == "hi"
    # What it is made upon, itself, its thread's lock, and its end. What it says meanwhile, and
    # that it has ended, is written with what other runs say.
    assert [text.split()[0] for text in statements] == ["SELECT", "WITH", "SELECT", "WITH"]


async def test_on_what_is_remembered_it_takes_three(
    api: httpx.AsyncClient, thread: MakeThread, statements: list[str]
) -> None:
    path = f"/threads/{await thread()}/runs/wait"
    await api.post(path, json=ECHO)
    counted.set(True)

    answer = await api.post(path, json=ECHO)

    assert len(answer.json()["messages"]) == 4
    assert [text.split()[0] for text in statements] == ["WITH", "SELECT", "WITH"]
