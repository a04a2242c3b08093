"""The official clients for Python, on a network that only writes down."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson
from langgraph_sdk.client import LangGraphClient, SyncLangGraphClient

from common.jsoncodec import Json
from tests.compatibility.calls import CLIENTS, Call, Parameter, Request

_URL = "http://server"
# Enough of an answer for each method to go on with.
_ANSWER: Json = {"items": [], "namespaces": []}
_END = b"event: end\ndata: null\n\n"
_OF_EVERY_REQUEST = {
    *("accept", "accept-encoding", "cache-control", "connection", "content-length"),
    *("content-type", "host", "user-agent"),
}


class PythonSdk:
    name = "Python"

    def __init__(self, *, is_async: bool) -> None:
        self._sent: list[Request] = []
        network = httpx.MockTransport(self._answer)
        self._client: Any
        if is_async:
            client = httpx.AsyncClient(transport=network, base_url=_URL)
            self._client = LangGraphClient(client)
        else:
            self._client = SyncLangGraphClient(httpx.Client(transport=network, base_url=_URL))

    async def methods(self) -> Mapping[str, Sequence[Parameter]]:
        return {
            f"{name}.{method}": _parameters(function)
            for name in CLIENTS
            for method, function in inspect.getmembers(getattr(self._client, name), callable)
            if not method.startswith("_")
        }

    async def requests(self, calls: Sequence[Call]) -> Sequence[Request]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return [await self._request(call) for call in calls]

    async def _request(self, call: Call) -> Request:
        self._sent.clear()
        client, _, method = call.method.partition(".")
        answer = _called(getattr(getattr(self._client, client), method), call.arguments)
        if inspect.isawaitable(answer):
            answer = await answer
        if hasattr(answer, "__aiter__"):
            _ = [part async for part in answer]
        elif inspect.isgenerator(answer):
            _ = list(answer)
        return self._sent[0]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self._sent.append(_written(request))
        if "text/event-stream" in request.headers["accept"]:
            return httpx.Response(200, content=_END, headers={"content-type": "text/event-stream"})
        return httpx.Response(200, json=_ANSWER)


def _called(function: Any, arguments: Mapping[str, Any]) -> Any:
    """Call a function by its parameters' names, also by those that take no name."""
    named = dict(arguments)
    nameless = [
        named.pop(each.name)
        for each in inspect.signature(function).parameters.values()
        if each.kind is inspect.Parameter.POSITIONAL_ONLY
    ]
    return function(*nameless, **named)


def _parameters(function: Any) -> list[Parameter]:
    return [
        Parameter(name=each.name, is_required=each.default is inspect.Parameter.empty)
        for each in inspect.signature(function).parameters.values()
    ]


def _written(request: httpx.Request) -> Request:
    query = {name: request.url.params.get_list(name) for name in request.url.params}
    return Request(
        verb=request.method,
        path=request.url.path,
        query={name: list(values) for name, values in query.items()},
        headers={
            name: value for name, value in request.headers.items() if name not in _OF_EVERY_REQUEST
        },
        body=orjson.loads(request.content) if request.content else None,
    )
