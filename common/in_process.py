"""Requests that this process sends to itself: trusted, and never to be had from outside.

The mark is an object in the ASGI scope. A server makes its scopes of what a client sends, text
and bytes; no header, path or `root_path` can put this object there.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from django.http import HttpRequest

_KEY = "aegra.in_process"
_MARK = object()


def marked(scope: Mapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a scope of a request that the process makes itself."""
    return {**scope, _KEY: _MARK}


def is_marked(scope: Mapping[str, Any]) -> bool:
    return scope.get(_KEY) is _MARK


def is_in_process(request: HttpRequest) -> bool:
    """Tell whether code in this process has sent the request."""
    return is_marked(getattr(request, "scope", {}))
