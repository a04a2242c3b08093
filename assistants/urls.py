from __future__ import annotations

from django.urls import path

from assistants.agent_views import AgentViewSet
from assistants.views import AssistantViewSet

_assistant = "assistants/<str:assistant_id>"

urlpatterns = [
    path("assistants", AssistantViewSet.as_view({"get": "list", "post": "create"})),
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
    path(f"{_assistant}/subgraphs", AssistantViewSet.as_view({"get": "subgraphs"})),
    path(f"{_assistant}/subgraphs/<path:namespace>", AssistantViewSet.as_view({"get": "subgraph"})),
    path(f"{_assistant}/versions", AssistantViewSet.as_view({"post": "versions"})),
    path(f"{_assistant}/latest", AssistantViewSet.as_view({"post": "latest"})),
    path("agents/search", AgentViewSet.as_view({"post": "search"})),
    path("agents/<str:agent_id>", AgentViewSet.as_view({"get": "retrieve"})),
    path("agents/<str:agent_id>/schemas", AgentViewSet.as_view({"get": "schemas"})),
]
