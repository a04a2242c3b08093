from __future__ import annotations

from django.urls import path

from assistants.views import AssistantViewSet

_assistant = "assistants/<str:assistant_id>"

urlpatterns = [
    path("assistants", AssistantViewSet.as_view({"post": "create"})),
    path("assistants/search", AssistantViewSet.as_view({"post": "search"})),
    path("assistants/count", AssistantViewSet.as_view({"post": "count"})),
    path(
        _assistant,
        AssistantViewSet.as_view(
            {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    path(f"{_assistant}/graph", AssistantViewSet.as_view({"get": "graph"})),
    path(f"{_assistant}/schemas", AssistantViewSet.as_view({"get": "schemas"})),
]
