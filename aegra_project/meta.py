"""What the server says of itself: /ok, /info, /openapi.json, /docs, and Aegra's /health."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from aegra_project import custom_app
from aegra_project.openapi import merged
from common import db, jsoncodec
from common.errors import Overloaded
from common.http_config import http_config, mount_prefix
from common.responses import Response
from common.serializers import ErrorSerializer, FlagField
from common.viewsets import AsyncViewSet

FLAGS = {
    "assistants": True,
    "crons": False,
    "langsmith": False,
    "langsmith_tracing_replicas": False,
    "langsmith_tracing_session_on_runs": False,
}
HOST = {
    "kind": "self-hosted",
    "project_id": None,
    "host_revision_id": None,
    "revision_id": None,
    "tenant_id": None,
}


class MetaViewSet(AsyncViewSet):
    """What the server says of itself, to anybody."""

    is_open = True

    @extend_schema(
        responses={200: OpenApiTypes.OBJECT, 503: ErrorSerializer},
        parameters=[OpenApiParameter("check_db", bool, default=False)],
    )
    async def ok(self, request: Request) -> HttpResponseBase:
        """Answer that the process serves; `?check_db=1` asks the database too."""
        if FlagField.read(request.query_params.get("check_db")):
            await _ask_database()
        return Response({"ok": True, "services": {}})

    @extend_schema(responses={200: OpenApiTypes.OBJECT, 503: ErrorSerializer})
    async def health(self, request: Request) -> HttpResponseBase:
        """Answer, as Aegra does, that each part is connected: all of them are one database."""
        await _ask_database()
        parts = ("database", "langgraph_checkpointer", "langgraph_store")
        return Response({"status": "healthy", **dict.fromkeys(parts, "connected")})

    @extend_schema(responses={200: OpenApiTypes.OBJECT, 503: ErrorSerializer})
    async def ready(self, request: Request) -> HttpResponseBase:
        """Answer, as Aegra does, that requests can be served: the database is there."""
        await _ask_database()
        return Response({"status": "ready"})

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    async def live(self, request: Request) -> HttpResponseBase:
        """Answer, as Aegra does, that the process runs."""
        return Response({"status": "alive"})

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    async def info(self, request: Request) -> HttpResponseBase:
        return Response(
            {
                "version": settings.VERSION,
                "langgraph_py_version": settings.LANGGRAPH_VERSION,
                "flags": {**FLAGS, "assistants": "assistants" not in http_config().disabled},
                "host": HOST,
            }
        )

    @extend_schema(exclude=True)
    async def root(self, request: Request) -> HttpResponseBase:
        prefix = mount_prefix()
        return Response({"ok": True, "docs": f"{prefix}/docs", "admin": f"{prefix}/admin/"})

    @extend_schema(exclude=True)
    async def openapi(self, request: Request) -> HttpResponseBase:
        # Generating takes tens of milliseconds; it is done once, off the loop.
        text = await asyncio.to_thread(_schema)
        return HttpResponse(text, content_type="application/json")

    @extend_schema(exclude=True)
    async def docs(self, request: Request) -> HttpResponseBase:
        return HttpResponse(await asyncio.to_thread(_page))


async def _ask_database() -> None:
    """Raise Overloaded when the database does not answer."""
    try:
        await db.fetch_one("SELECT 1 AS one")
    except db.UNREACHABLE as exc:
        raise Overloaded(f"The database cannot be reached: {exc}") from exc


@cache
def _schema() -> bytes:
    generator: Any = SchemaGenerator  # it ships no types
    schema: dict[str, Any] = generator().get_schema(request=None, public=True)
    app = custom_app.current()
    if app is not None and (described := app.description()):
        schema = merged(schema, described)
    if prefix := mount_prefix():
        schema["servers"] = [{"url": prefix}]
    return jsoncodec.dumps(schema)


@cache
def _page() -> str:
    return render_to_string("aegra_project/docs.html", {"title": "Aegra Django API"})
