from __future__ import annotations

from django.urls import path

from crons.views import CronViewSet

urlpatterns = [
    path("runs/crons", CronViewSet.as_view({"post": "create"})),
    path("runs/crons/search", CronViewSet.as_view({"post": "search"})),
    path("runs/crons/count", CronViewSet.as_view({"post": "count"})),
    path(
        "runs/crons/<str:cron_id>",
        CronViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("threads/<str:thread_id>/runs/crons", CronViewSet.as_view({"post": "create_for_thread"})),
]
