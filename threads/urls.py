from __future__ import annotations

from django.urls import path

from threads.state_views import ThreadStateViewSet
from threads.views import ThreadViewSet

_thread = "threads/<str:thread_id>"

urlpatterns = [
    path("threads", ThreadViewSet.as_view({"get": "list", "post": "create"})),
    path("threads/search", ThreadViewSet.as_view({"post": "search"})),
    path("threads/count", ThreadViewSet.as_view({"post": "count"})),
    path("threads/prune", ThreadViewSet.as_view({"post": "prune"})),
    path(
        _thread,
        ThreadViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path(f"{_thread}/copy", ThreadViewSet.as_view({"post": "copy"})),
    path(f"{_thread}/storage", ThreadViewSet.as_view({"get": "storage"})),
    path(f"{_thread}/repair", ThreadStateViewSet.as_view({"post": "repair"})),
    path(f"{_thread}/state", ThreadStateViewSet.as_view({"get": "retrieve", "post": "update"})),
    path(f"{_thread}/state/checkpoint", ThreadStateViewSet.as_view({"post": "at_checkpoint"})),
    path(f"{_thread}/state/<str:checkpoint_id>", ThreadStateViewSet.as_view({"get": "at"})),
    path(
        f"{_thread}/history",
        ThreadStateViewSet.as_view({"get": "history", "post": "search_history"}),
    ),
]
