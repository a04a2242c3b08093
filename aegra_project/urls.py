from __future__ import annotations

from collections.abc import Collection

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from aegra_project.devlogin import dev_login
from aegra_project.meta import MetaViewSet
from common.errors import ConfigError
from common.http_config import http_config

META = [
    path("", MetaViewSet.as_view({"get": "root"})),
    path("health", MetaViewSet.as_view({"get": "health"})),
    path("ready", MetaViewSet.as_view({"get": "ready"})),
    path("live", MetaViewSet.as_view({"get": "live"})),
    path("info", MetaViewSet.as_view({"get": "info"})),
    path("metrics", MetaViewSet.as_view({"get": "metrics"})),
    path("docs", MetaViewSet.as_view({"get": "docs"})),
    path("openapi.json", MetaViewSet.as_view({"get": "openapi"})),
]
# By the names that `http.disable_…` has for them.
GROUPS = {
    "meta": META,
    "assistants": [path("", include("assistants.urls"))],
    "threads": [path("", include("threads.urls"))],
    # Crons live below runs, and go with them.
    "runs": [path("", include("crons.urls")), path("", include("runs.urls"))],
    "store": [path("", include("store.urls"))],
}


def patterns(disabled: Collection[str]) -> list[URLPattern | URLResolver]:
    """Return what is served with these groups of the API left out."""
    return [
        path("ok", MetaViewSet.as_view({"get": "ok"})),
        path("admin/dev-login/", dev_login, name="dev-login"),
        path("admin/", admin.site.urls),
        *(pattern for name, group in GROUPS.items() if name not in disabled for pattern in group),
    ]


def _disabled() -> Collection[str]:
    try:
        return http_config().disabled
    # A server has refused to start by now; other commands need no project.
    except ConfigError:
        return ()


urlpatterns = patterns(_disabled())
