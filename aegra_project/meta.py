"""What the server says of itself: /ok, /info, /metrics, /openapi.json, /docs, Aegra's /health."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from aegra_project import custom_app
from aegra_project.openapi import merged
from common import db, jsoncodec, telemetry
from common.description import flag
from common.errors import Overloaded, Unprocessable
from common.http_config import http_config, mount_prefix
from common.middleware import BUSY
from common.responses import Response
from common.serializers import FlagField, ObjectField
from common.viewsets import AsyncViewSet

METRICS_FORMATS = ("prometheus", "json")
METRICS_TEXT = {
    "type": "string",
    "description": "Prometheus's text format.",
    "examples": ['aegra_runs_settled_total{graph="agent",status="success"} 42.0\n'],
}
FLAGS = {
    "assistants": True,
    "crons": True,
    "langsmith": False,
    "langsmith_tracing_replicas": False,
    "langsmith_tracing_session_on_runs": False,
    "strict_resume": True,
}
HOST = {
    "kind": "self-hosted",
    "project_id": None,
    "host_revision_id": None,
    "revision_id": None,
    "tenant_id": None,
}


class OkSerializer(serializers.Serializer[Any]):
    """That the server serves (documentation only)."""

    ok = serializers.BooleanField()
    services = ObjectField()


class HealthSerializer(serializers.Serializer[Any]):
    """That each part is connected (documentation only)."""

    status = serializers.CharField()
    database = serializers.CharField()
    langgraph_checkpointer = serializers.CharField()
    langgraph_store = serializers.CharField()


class ProbeSerializer(serializers.Serializer[Any]):
    """How the server stands, in one word (documentation only)."""

    status = serializers.CharField()


class InfoSerializer(serializers.Serializer[Any]):
    """What the server is and does (documentation only)."""

    version = serializers.CharField()
    langgraph_py_version = serializers.CharField()
    flags = serializers.DictField(child=serializers.BooleanField())
    host = ObjectField()


class MetricSerializer(serializers.Serializer[Any]):
    """A metric's series, by the metric's name (documentation only)."""

    is_by_name = True

    type = serializers.CharField()
    help = serializers.CharField()
    samples = serializers.ListField(child=ObjectField())


class MetaViewSet(AsyncViewSet):
    """What the server says of itself, to anybody."""

    tag = "System"
    is_open = True

    @extend_schema(
        responses={200: OkSerializer}, parameters=[flag("check_db", "Ask the database too.")]
    )
    async def ok(self, request: Request) -> HttpResponseBase:
        """Tell that the process serves."""
        if FlagField.read(request.query_params.get("check_db")):
            await _ask_database()
        return Response({"ok": True, "services": {}})

    @extend_schema(responses={200: HealthSerializer})
    async def health(self, request: Request) -> HttpResponseBase:
        """Tell, as Aegra does, that each part is connected: all of them are one database."""
        await _ask_database()
        parts = ("database", "langgraph_checkpointer", "langgraph_store")
        return Response({"status": "healthy", **dict.fromkeys(parts, "connected")})

    @extend_schema(responses={200: ProbeSerializer})
    async def ready(self, request: Request) -> HttpResponseBase:
        """Tell, as Aegra does, that requests can be served: the database is there."""
        await _ask_database()
        return Response({"status": "ready"})

    @extend_schema(responses={200: ProbeSerializer})
    async def live(self, request: Request) -> HttpResponseBase:
        """Tell, as Aegra does, that the process runs."""
        return Response({"status": "alive"})

    @extend_schema(responses={200: InfoSerializer})
    async def info(self, request: Request) -> HttpResponseBase:
        """Tell the versions of the server and of LangGraph, and what it can do."""
        return Response(
            {
                "version": settings.VERSION,
                "langgraph_py_version": settings.LANGGRAPH_VERSION,
                "flags": {
                    **FLAGS,
                    "assistants": "assistants" not in http_config().disabled,
                    "crons": "runs" not in http_config().disabled,
                },
                "host": HOST,
            }
        )

    @extend_schema(
        responses={
            (200, "text/plain"): METRICS_TEXT,
            (200, "application/json"): MetricSerializer,
        },
        parameters=[
            OpenApiParameter(
                "format",
                enum=METRICS_FORMATS,
                description="How to write them: `prometheus`, unless it is given, or `json`.",
            )
        ],
    )
    async def metrics(self, request: Request) -> HttpResponseBase:
        """Tell what happens in numbers, for Prometheus: requests, runs, queue, pools, jobs."""
        form = request.query_params.get("format", METRICS_FORMATS[0])
        if form not in METRICS_FORMATS:
            raise Unprocessable(f"format={form!r} is not one of {', '.join(METRICS_FORMATS)}.")
        await telemetry.measure()
        if form == "json":
            return Response(await asyncio.to_thread(telemetry.as_json))
        text = await asyncio.to_thread(telemetry.exposition)
        return HttpResponse(text, content_type=telemetry.CONTENT_TYPE)

    @extend_schema(exclude=True)
    async def root(self, request: Request) -> HttpResponseBase:
        prefix = mount_prefix()
        return Response({"ok": True, "docs": f"{prefix}/docs", "admin": f"{prefix}/admin/"})

    @extend_schema(exclude=True)
    async def openapi(self, request: Request) -> HttpResponseBase:
        # Generating takes tens of milliseconds; it is done once, off the loop.
        text = await asyncio.to_thread(schema)
        return HttpResponse(text, content_type="application/json")

    @extend_schema(exclude=True)
    async def docs(self, request: Request) -> HttpResponseBase:
        return HttpResponse(await asyncio.to_thread(_page))


async def _ask_database() -> None:
    """Raise Overloaded when the database does not answer."""
    try:
        await db.fetch_one("SELECT 1 AS one")
    except db.Busy as exc:
        raise Overloaded(BUSY) from exc
    except db.UNREACHABLE as exc:
        raise Overloaded(f"The database cannot be reached: {exc}") from exc


@cache
def schema() -> bytes:
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
