"""Where each argument of a client's methods goes, found by calling them and comparing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from tests.compatibility.calls import Call, Parameter, Request, Sdk
from tests.compatibility.samples import OF_ALL, another, names_of, sample, ways


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is on the wire: the `metadata` of the `body`. A whole body has no name."""

    part: str
    name: str


@dataclass(frozen=True, slots=True)
class Sent:
    """An argument of a method, seen in a request to an endpoint."""

    endpoint: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a client."""

    endpoints: Mapping[str, set[str]]
    """The endpoints that each method calls."""

    arguments: Mapping[tuple[str, str], set[Sent]]
    """Of each method and parameter; nothing when the SDK keeps it to itself."""


class Endpoints:
    """`GET /threads/{thread_id}`, found by the requests that go there."""

    def __init__(self, names: Iterable[str]) -> None:
        # Those with the fewest parameters first: /threads/search is no thread.
        ordered = sorted(names, key=lambda name: name.count("{"))
        self._patterns = {name: _pattern(name) for name in ordered}

    def of(self, request: Request) -> str:
        return next(self._matching(request), f"{request.verb} {request.path}")

    def path_values(self, request: Request) -> Mapping[str, str]:
        match = re.fullmatch(_pattern(self.of(request)), f"{request.verb} {request.path}")
        return match.groupdict() if match else {}

    def _matching(self, request: Request) -> Iterator[str]:
        asked = f"{request.verb} {request.path}"
        return (name for name, pattern in self._patterns.items() if re.fullmatch(pattern, asked))


def _pattern(endpoint: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(endpoint))


async def seen(sdk: Sdk, endpoints: Endpoints, *, without: frozenset[str]) -> Seen:
    """Call every method with every argument, one at a time."""
    methods = {
        method: parameters
        for method, parameters in (await sdk.methods()).items()
        if method not in without
    }
    plans = [
        (base, parameter.name, changed)
        for method, parameters in methods.items()
        for base in ways(sdk.name, method, parameters)
        for parameter, changed in _changed(base, parameters)
    ]
    calls = [call for base, _, changed in plans for call in (base, changed)]
    requests = await sdk.requests(calls)
    found = Seen(endpoints={method: set() for method in methods}, arguments={})
    arguments: dict[tuple[str, str], set[Sent]] = {
        (method, name): set()
        for method, parameters in methods.items()
        for name in names_of(parameters) - set(OF_ALL)
    }
    for (base, name, _), before, after in zip(plans, requests[::2], requests[1::2], strict=True):
        found.endpoints[base.method] |= {endpoints.of(before), endpoints.of(after)}
        value = orjson.dumps(sample(base.method, name), default=str)
        arguments[base.method, name] |= set(_sent(endpoints, before, after, value))
    return Seen(endpoints=found.endpoints, arguments=arguments)


def _changed(base: Call, parameters: Sequence[Parameter]) -> Iterator[tuple[Parameter, Call]]:
    for parameter in parameters:
        if parameter.name in OF_ALL:
            continue
        value: Any = sample(base.method, parameter.name)
        if base.arguments.get(parameter.name) is not None:
            value = another(base.arguments[parameter.name])
        arguments = {**base.arguments, parameter.name: value}
        yield parameter, Call(method=base.method, arguments=arguments)


def _sent(endpoints: Endpoints, before: Request, after: Request, value: bytes) -> Iterator[Sent]:
    """Compare two requests that differ by one argument."""
    old, new = _parts(endpoints, before), _parts(endpoints, after)
    moved = endpoints.of(before) != endpoints.of(after)
    for place, told in new.items():
        # At another endpoint all is new, and the argument is what has its value.
        if old.get(place) != told and (not moved or told == value):
            yield Sent(endpoints.of(after), place)


def _parts(endpoints: Endpoints, request: Request) -> dict[Place, bytes]:
    """Return all that a request says, by its place."""
    body = request.body if isinstance(request.body, dict) else {"": request.body}
    told: dict[str, Mapping[str, Any]] = {
        "path": endpoints.path_values(request),
        "query": request.query,
        "header": request.headers,
        "body": body,
    }
    return {
        Place(part, name): orjson.dumps(value)
        for part, values in told.items()
        for name, value in values.items()
        if value is not None
    }
