from __future__ import annotations

from django.urls import path, register_converter

from runs.agent_views import AgentRunViewSet
from runs.converters import RunIdConverter
from runs.stream_views import StatelessRunStreamViewSet, ThreadRunStreamViewSet
from runs.thread_stream_views import ThreadStreamViewSet
from runs.views import StatelessRunViewSet, ThreadRunViewSet

register_converter(RunIdConverter, "run_id")

_thread = "threads/<str:thread_id>/runs"
_run = "<run_id:run_id>"

urlpatterns = [
    path("threads/<str:thread_id>/stream", ThreadStreamViewSet.as_view({"get": "stream"})),
    path(f"{_thread}/stream", ThreadRunStreamViewSet.as_view({"post": "stream"})),
    path(f"{_thread}/wait", ThreadRunStreamViewSet.as_view({"post": "wait"})),
    path(_thread, ThreadRunViewSet.as_view({"get": "list", "post": "create"})),
    path(
        f"{_thread}/{_run}",
        ThreadRunViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(f"{_thread}/{_run}/cancel", ThreadRunViewSet.as_view({"post": "cancel"})),
    path(f"{_thread}/{_run}/join", ThreadRunStreamViewSet.as_view({"get": "join"})),
    path(f"{_thread}/{_run}/stream", ThreadRunStreamViewSet.as_view({"get": "join_stream"})),
    path("runs/stream", StatelessRunStreamViewSet.as_view({"post": "stream"})),
    path("runs/wait", StatelessRunStreamViewSet.as_view({"post": "wait"})),
    path("runs/batch", StatelessRunViewSet.as_view({"post": "batch"})),
    path("runs/cancel", StatelessRunViewSet.as_view({"post": "cancel_many"})),
    path("runs/search", AgentRunViewSet.as_view({"post": "search"})),
    path("runs", StatelessRunViewSet.as_view({"post": "create"})),
    path(f"runs/{_run}", AgentRunViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path(f"runs/{_run}/cancel", AgentRunViewSet.as_view({"post": "cancel"})),
    path(f"runs/{_run}/wait", AgentRunViewSet.as_view({"get": "wait"})),
    path(f"runs/{_run}/join", StatelessRunStreamViewSet.as_view({"get": "join"})),
    path(f"runs/{_run}/stream", StatelessRunStreamViewSet.as_view({"get": "join_stream"})),
]
