from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from aegra_project.devlogin import dev_login
from aegra_project.meta import MetaViewSet

urlpatterns = [
    path("", MetaViewSet.as_view({"get": "root"})),
    path("ok", MetaViewSet.as_view({"get": "ok"})),
    path("health", MetaViewSet.as_view({"get": "health"})),
    path("ready", MetaViewSet.as_view({"get": "ready"})),
    path("live", MetaViewSet.as_view({"get": "live"})),
    path("info", MetaViewSet.as_view({"get": "info"})),
    path("docs", MetaViewSet.as_view({"get": "docs"})),
    path("openapi.json", MetaViewSet.as_view({"get": "openapi"})),
    path("admin/dev-login/", dev_login, name="dev-login"),
    path("admin/", admin.site.urls),
    path("", include("assistants.urls")),
    path("", include("threads.urls")),
    path("", include("runs.urls")),
    path("", include("store.urls")),
]
