"""What comes of a websocket where the project has no application that takes it."""

from __future__ import annotations

from typing import Any

from aegra_project.asgi import application


async def test_a_websocket_that_nothing_serves_is_closed_unopened(served: None) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = application
    scope = {"type": "websocket", "path": "/any", "headers": [(b"host", b"localhost")]}
    await app(scope, receive, send)

    assert [message["type"] for message in sent] == ["websocket.close"]
