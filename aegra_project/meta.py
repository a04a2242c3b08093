"""What the server says of itself: /ok, /info, /openapi.json, /docs."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from drf_spectacular.generators import SchemaGenerator

from common import db, jsoncodec
from common.responses import Response, error_response

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


async def ok(request: HttpRequest) -> HttpResponseBase:
    """Answer that the process serves; `?check_db=1` asks the database too."""
    if request.GET.get("check_db", "").lower() in ("1", "true", "yes"):
        try:
            await db.fetch_one("SELECT 1 AS one")
        except db.UNREACHABLE as exc:
            return error_response(503, f"The database cannot be reached: {exc}")
    return Response({"ok": True, "services": {}})


async def info(_request: HttpRequest) -> HttpResponseBase:
    return Response(
        {
            "version": settings.VERSION,
            "langgraph_py_version": settings.LANGGRAPH_VERSION,
            "flags": FLAGS,
            "host": HOST,
        }
    )


async def root(_request: HttpRequest) -> HttpResponseBase:
    return Response({"ok": True, "docs": "/docs", "admin": "/admin/"})


async def openapi(_request: HttpRequest) -> HttpResponseBase:
    # Generating takes tens of milliseconds; it is done once, off the loop.
    text = await asyncio.to_thread(_schema)
    return HttpResponse(text, content_type="application/json")


async def docs(_request: HttpRequest) -> HttpResponseBase:
    return HttpResponse(await asyncio.to_thread(_page))


@cache
def _schema() -> bytes:
    generator: Any = SchemaGenerator  # it ships no types
    schema: dict[str, Any] = generator().get_schema(request=None, public=True)
    return jsoncodec.dumps(schema)


@cache
def _page() -> str:
    return render_to_string("aegra_project/docs.html", {"title": "Aegra Django API"})
