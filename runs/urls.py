from __future__ import annotations

from django.urls import path

from runs.stream_views import StatelessRunStreamViewSet, ThreadRunStreamViewSet
from runs.views import StatelessRunViewSet, ThreadRunViewSet

_thread = "threads/<str:thread_id>/runs"

urlpatterns = [
    path(f"{_thread}/stream", ThreadRunStreamViewSet.as_view({"post": "stream"})),
    path(f"{_thread}/wait", ThreadRunStreamViewSet.as_view({"post": "wait"})),
    path(_thread, ThreadRunViewSet.as_view({"get": "list", "post": "create"})),
    path(
        f"{_thread}/<str:run_id>",
        ThreadRunViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path(f"{_thread}/<str:run_id>/cancel", ThreadRunViewSet.as_view({"post": "cancel"})),
    path(f"{_thread}/<str:run_id>/join", ThreadRunStreamViewSet.as_view({"get": "join"})),
    path(f"{_thread}/<str:run_id>/stream", ThreadRunStreamViewSet.as_view({"get": "join_stream"})),
    path("runs/stream", StatelessRunStreamViewSet.as_view({"post": "stream"})),
    path("runs/wait", StatelessRunStreamViewSet.as_view({"post": "wait"})),
    path("runs", StatelessRunViewSet.as_view({"post": "create"})),
    path("runs/<str:run_id>/stream", StatelessRunStreamViewSet.as_view({"get": "join_stream"})),
]
