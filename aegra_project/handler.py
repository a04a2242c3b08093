from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from io import BytesIO
from typing import Any, TypeAlias

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, URLResolver, get_resolver
from django.utils.log import log_response
from django.utils.module_loading import import_string

from aegra_project.observing import route_found
from common.errors import BodyTooLarge
from common.responses import error_response

Receive: TypeAlias = "Callable[[], Awaitable[Mapping[str, Any]]]"
Send: TypeAlias = "Callable[[Mapping[str, Any]], Awaitable[None]]"


# Set in the scope of a request whose body was cut off.
TOO_LONG = "aegra.body_is_too_long"
CUT_OFF: Mapping[str, Any] = {"type": "http.request"}
NO_ID = "00000000-0000-0000-0000-000000000000"
_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Most answers are there sooner than a client that leaves could be missed.
WATCH_AFTER_SECONDS = 0.02


class StockHandler(ASGIHandler):
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

        await self._answer(scope, bounded, send)

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)

    def create_request(self, scope: Mapping[str, Any], body_file: Any) -> Any:
        request, refusal = super().create_request(scope, body_file)
        return request, refusal and error_response(400, "The URL's query must be UTF-8.")

    async def _bounded(self, request: Any) -> HttpResponseBase:
        if request.scope[TOO_LONG]:
            told = f"The body is larger than {settings.MAX_BODY_MB:g} MB (MAX_BODY_MB)."
            raise BodyTooLarge(told)
        try:
            return await self._viewed(request)
        finally:
            match = request.resolver_match
            route_found(request.scope, match and match.route)

    async def _viewed(self, request: Any) -> HttpResponseBase:
        response: HttpResponseBase = await self._get_response_async(request)  # type: ignore[attr-defined]
        return response


class LeanHandler(StockHandler):
    """The same without what synchronous code needs, of which the API has none.

    Left out: hops to threads, the signals `request_started` and `request_finished` for which most
    of them are made, a task for each view, and files for bodies that are read whole anyway.
    """

    async def _answer(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        request, response = self.create_request(scope, body)
        with _Watch(receive):
            if request is not None:
                response = await self.get_response_async(request)
            await self.send_response(response, send)

    async def read_body(self, receive: Receive) -> BytesIO:
        body, is_more = BytesIO(), True
        while is_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise RequestAborted
            body.write(message.get("body", b""))
            is_more = message.get("more_body", False)
        body.seek(0)
        return body

    async def get_response_async(self, request: Any) -> Any:
        response: Any = await self._middleware_chain(request)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            log_response(
                "%s: %s", response.reason_phrase, request.path, response=response, request=request
            )
        return response

    async def _viewed(self, request: Any) -> HttpResponseBase:
        match = request.resolver_match = _resolved(get_resolver(), request.path_info)
        response: HttpResponseBase = await match.func(request, *match.args, **match.kwargs)
        return response


def _resolved(resolver: URLResolver, path: str) -> ResolverMatch:
    """Resolve a path, once for all that differ by their ids alone.

    Some twenty patterns are tried for a path below /threads: 40 µs.
    """
    ids = _ID.findall(path)
    if not ids:
        return _match(resolver, path)
    match = _match(resolver, _ID.sub(NO_ID, path))
    places = [name for name, value in match.kwargs.items() if value == NO_ID]
    if len(places) != len(ids):
        # One is part of something else.
        return _match(resolver, path)
    named = {**match.kwargs, **dict(zip(places, ids, strict=True))}
    return ResolverMatch(match.func, match.args, named, route=match.route)


@lru_cache(maxsize=1024)
def _match(resolver: URLResolver, path: str) -> ResolverMatch:
    return resolver.resolve(path)


class _Watch:
    """Cancels the task of a request while it is in the block, when the client leaves."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_left = False
        self._watching: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, self._begin)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if not self._is_left:
            return False
        assert self._task is not None
        return self._task.uncancel() == 0 and kind is asyncio.CancelledError

    def _begin(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        await _disconnect(self._receive)
        self._is_left = True
        assert self._task is not None
        self._task.cancel()


HANDLERS: Mapping[str, Callable[[], StockHandler]] = {"lean": LeanHandler, "stock": StockHandler}


def _announced_length(scope: dict[str, Any]) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text[:18]) if text.isdigit() else 0


async def _disconnect(receive: Receive) -> Mapping[str, Any]:
    """Let the rest of a body pass until the client is gone."""
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    return message
