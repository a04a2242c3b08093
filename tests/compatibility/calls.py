"""What a client has to offer, and what it puts on the wire when it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from common.jsoncodec import Json

CLIENTS = ("assistants", "threads", "runs", "crons", "store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    method: str
    """As the Python SDK spells it: `threads.get_state`."""

    arguments: Mapping[str, Any]
    """By the names of the Python SDK, whichever client is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a client; of its headers those that say something of the call."""

    verb: str
    path: str
    query: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    name: str
    is_required: bool


class Sdk(Protocol):
    """One of the official clients: what its methods take, and what they send."""

    name: str

    async def methods(self) -> Mapping[str, Sequence[Parameter]]: ...

    async def requests(self, calls: Sequence[Call]) -> Sequence[Request]:
        """Return the first request that each call sends."""
        ...
