"""The async base class of every API viewset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from common import jsoncodec
from common.errors import ApiError, Forbidden, MethodNotAllowed, Unprocessable
from common.jsoncodec import Json
from common.responses import Response, error_response

# A longer body is parsed in a thread, so that it holds up no other request.
LONG_BODY_BYTES = 1_000_000
# In the ASGI scope of a request whose caller was asked before the project's middleware.
CALLER = "aegra.caller"


class AsyncViewSet(ViewSetMixin, APIView):
    """DRF's viewset with `async def` actions.

    Kept from DRF: routing to actions, requests, permissions, schemas. Left out: thread hops and
    content negotiation; a body is JSON whatever its header says.
    """

    permission_classes: list[type] = []

    tag = ""
    """The group of its operations in the API's description, whose ids begin with it too."""

    is_open = False
    """True for what is answered to anybody, without asking who it is."""

    errors_have_message = False
    """True for what only clients of the Agent Protocol ask: their name of `detail`, besides."""

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        return markcoroutinefunction(super().as_view(actions, **initkwargs))

    async def dispatch(  # type: ignore[override]
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            self.request = await self._accept(request)
            response: HttpResponseBase = await self._action(request)(self.request, *args, **kwargs)
        except ApiError as exc:
            return self._refusal(exc)
        return response

    def _refusal(self, error: ApiError) -> HttpResponseBase:
        if not self.errors_have_message:
            return error_response(error.status, error.detail, error.headers)
        body = {"detail": error.detail, "message": error.detail}
        return Response(body, status=error.status, headers=error.headers)

    async def _accept(self, request: HttpRequest) -> Request:
        """Authenticate, parse the body, and ask the permission classes."""
        if "\0" in request.path or "%00" in request.META["QUERY_STRING"]:
            raise Unprocessable("The URL has a NUL character in it; remove it.")
        accepted = Request(request)
        if not self.is_open:
            known = getattr(request, "scope", {}).get(CALLER)
            accepted.caller = known or await authenticator()(request)  # type: ignore[attr-defined]
        accepted._full_data = accepted._data = await parse_body(request)  # type: ignore[attr-defined]
        for permission in self.get_permissions():
            if not permission.has_permission(accepted, self):
                raise Forbidden(getattr(permission, "message", "Forbidden"))
        return accepted

    def _action(self, request: HttpRequest) -> Callable[..., Any]:
        method = (request.method or "").lower()
        if method == "options":
            return self._allowed
        action = getattr(self, method, None) if method in self.http_method_names else None
        if action is None or method not in self.action_map:
            raise MethodNotAllowed(self._methods())
        self.action = self.action_map[method]
        return action  # type: ignore[no-any-return]

    async def _allowed(self, *_: object, **__: object) -> HttpResponseBase:
        return Response(status=204, headers={"allow": self._methods()})

    def _methods(self) -> str:
        return ", ".join(method.upper() for method in self.action_map)


async def parse_body(request: HttpRequest) -> Json:
    """Return the body as JSON; an empty one is an empty object. Raises Unprocessable."""
    body = request.body
    if not body.strip():
        return {}
    try:
        if len(body) > LONG_BODY_BYTES:
            return await asyncio.to_thread(jsoncodec.loads, body)
        return jsoncodec.loads(body)
    except jsoncodec.InvalidJson as exc:
        raise Unprocessable(f"Invalid JSON in request body: {exc}") from exc


def authenticator() -> Callable[[HttpRequest], Any]:
    """Return what tells who sends a request, or raises an ApiError."""
    return import_string(settings.AEGRA_AUTHENTICATOR)  # type: ignore[no-any-return]
