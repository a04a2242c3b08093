"""The page against a client: what either has that the other lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.compatibility import page
from tests.compatibility.calls import Sdk
from tests.compatibility.description import described
from tests.compatibility.samples import OF_ALL
from tests.compatibility.wire import Endpoints, Place, Seen, seen

# Speaks a protocol of its own, on a connection that stays open.
UNCALLED = frozenset({"threads.stream"})

Key = tuple[str, str]
"""A method and one of its parameters."""


async def called(sdk: Sdk) -> Seen:
    return await seen(sdk, Endpoints(page.endpoints()), without=UNCALLED)


async def undeclared(sdk: Sdk) -> str:
    """Write down the parameters that only the page has, and those that it lacks."""
    found = {
        (method, parameter.name): "declared"
        for method, parameters in (await sdk.methods()).items()
        for parameter in parameters
        if parameter.name not in OF_ALL or method in UNCALLED
    }
    return unlike(dict.fromkeys(rows(sdk.name), "declared"), found)


def rows(sdk: str) -> Mapping[Key, page.Row]:
    """Return the row of each parameter; fails when two rows are of one."""
    found: dict[Key, page.Row] = {}
    for row in page.parameters():
        for method in row.methods.get(sdk, ()):
            for name in row.names:
                assert (method, name) not in found, f"two rows of {method}({name})"
                found[method, name] = row
    return found


def told_places(sdk: str) -> Mapping[Key, frozenset[Place]]:
    return {key: row.places(key[1]) for key, row in rows(sdk).items() if key[0] not in UNCALLED}


def seen_places(found: Seen) -> Mapping[Key, frozenset[Place]]:
    return {
        key: frozenset(sent.place for sent in places) for key, places in found.arguments.items()
    }


def told_callers(sdk: str) -> Mapping[str, frozenset[str]]:
    """Return by endpoint the methods that call it."""
    told = {name: row.methods[sdk] - UNCALLED for name, row in page.endpoints().items()}
    return {name: methods for name, methods in told.items() if methods}


def seen_callers(found: Seen) -> Mapping[str, frozenset[str]]:
    names = {name for called in found.endpoints.values() for name in called}
    return {
        name: frozenset(method for method, called in found.endpoints.items() if name in called)
        for name in names
    }


def unlike(told: Mapping[Any, Any], found: Mapping[Any, Any]) -> str:
    """Write down what the page tells otherwise than it was seen: nothing, when all is well."""
    keys = sorted(key for key in {*told, *found} if told.get(key) != found.get(key))
    return "\n".join(
        f"{key}: the page says {told.get(key)}; seen: {found.get(key)}" for key in keys
    )


def undescribed(sdk: str, found: Seen) -> str:
    """Write down what a client sends, is said to be served, and the code knows nothing of."""
    known = described()
    later = {name for name, row in page.endpoints().items() if row.state in ("later", "refused")}
    silent = {key for key, row in rows(sdk).items() if row.state == "ignored"}
    missing = {
        f"{sent.endpoint}: {sent.place.part} {sent.place.name}".strip()
        for key, places in found.arguments.items()
        for sent in places
        if key not in silent
        and sent.endpoint not in later
        and sent.place not in known.get(sent.endpoint, ())
    }
    return "\n".join(sorted(missing))
