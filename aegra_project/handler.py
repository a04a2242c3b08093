from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from aegra_project.observing import route_found
from common.errors import BodyTooLarge
from common.responses import error_response

Receive: TypeAlias = "Callable[[], Awaitable[Mapping[str, Any]]]"
Send: TypeAlias = "Callable[[Mapping[str, Any]], Awaitable[None]]"


# Set in the scope of a request whose body was cut off.
TOO_LONG = "aegra.body_is_too_long"
CUT_OFF: Mapping[str, Any] = {"type": "http.request"}


class ApiHandler(ASGIHandler):
    """Django's ASGI handler with the API's own middleware and a bound on the body.

    Exceptions pass the middleware as they are, so that one of them answers in JSON.
    """

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        handler: Any = self._bounded
        for path in reversed(settings.API_MIDDLEWARE):
            handler = import_string(path)(handler)
        self._middleware_chain = handler

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        limit = int(settings.MAX_BODY_MB * 1_000_000)
        announced, taken = _announced_length(scope), 0
        scope = {**scope, TOO_LONG: False}

        async def bounded() -> Mapping[str, Any]:
            nonlocal taken
            if scope[TOO_LONG]:
                return await _disconnect(receive)
            message = CUT_OFF if announced > limit else await receive()
            taken += len(message.get("body", b""))
            scope[TOO_LONG] = max(announced, taken) > limit
            return CUT_OFF if scope[TOO_LONG] else message

        # The stock entry makes a thread for each request, for synchronous views; the API
        # has none, and without it a request costs 0.4 ms of CPU in place of 1.0.
        await self.handle(scope, bounded, send)

    def create_request(self, scope: Mapping[str, Any], body_file: Any) -> Any:
        request, refusal = super().create_request(scope, body_file)
        return request, refusal and error_response(400, "The URL's query must be UTF-8.")

    async def _bounded(self, request: Any) -> HttpResponseBase:
        if request.scope[TOO_LONG]:
            told = f"The body is larger than {settings.MAX_BODY_MB:g} MB (MAX_BODY_MB)."
            raise BodyTooLarge(told)
        try:
            response: HttpResponseBase = await self._get_response_async(request)  # type: ignore[attr-defined]
        finally:
            match = request.resolver_match
            route_found(request.scope, match and match.route)
        return response


def _announced_length(scope: dict[str, Any]) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text[:18]) if text.isdigit() else 0


async def _disconnect(receive: Receive) -> Mapping[str, Any]:
    """Let the rest of a body pass until the client is gone."""
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    return message
