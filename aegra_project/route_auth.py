"""Asks who is calling before a request reaches the project's own application."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from access.caller import Caller
from common.errors import ApiError
from common.responses import error_response
from common.viewsets import CALLER, authenticator
from graphs.crossing import App, Receive, Scope, Send


class RouteAuth:
    """ASGI middleware: a caller that the authenticator refuses gets its answer, else goes on.

    A route finds the caller as Starlette's do, at `request.user` and `request.auth`.
    """

    def __init__(self, app: App, *, asks: Callable[[Scope], bool]) -> None:
        self._app, self._asks = app, asks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or not self._asks(scope):
            await self._app(scope, receive, send)
            return
        try:
            caller: Caller = await authenticator()(_request(scope))
        except ApiError as exc:
            await refuse(scope, send, exc)
            return
        scope[CALLER] = caller
        scope["user"] = _user(caller)
        scope["auth"] = SimpleNamespace(scopes=list(caller.permissions))
        await self._app(scope, receive, send)


async def refuse(scope: Scope, send: Send, exc: ApiError) -> None:
    """Answer as the API does; a websocket is closed unopened, which its client sees as 403."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": exc.detail[:100]})
        return
    response = error_response(exc.status, exc.detail, exc.headers)
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    await send({"type": "http.response.start", "status": exc.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


def _request(scope: Scope) -> Any:
    return ASGIRequest({"method": "GET", **scope}, BytesIO())


def _user(caller: Caller) -> SimpleNamespace:
    known = {
        "identity": caller.identity,
        "display_name": caller.identity,
        "is_authenticated": bool(caller.identity),
        "permissions": list(caller.permissions),
    }
    return SimpleNamespace(**{**known, **(caller.user or {})})
