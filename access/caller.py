from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling. Every query takes one and is scoped by it."""

    identity: str = ""
    """Empty for an anonymous caller."""

    permissions: tuple[str, ...] = ()

    user: dict[str, Any] | None = field(default=None, hash=False)
    """What the graph finds as `langgraph_auth_user`."""


ANONYMOUS = Caller()


def caller_of(request: object) -> Caller:
    """Return the caller that the viewset has authenticated."""
    caller = getattr(request, "caller", None)
    assert isinstance(caller, Caller), "the view did not authenticate its request"
    return caller
