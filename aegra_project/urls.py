from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from aegra_project import meta
from aegra_project.devlogin import dev_login

urlpatterns = [
    path("", meta.root),
    path("ok", meta.ok),
    path("info", meta.info),
    path("docs", meta.docs),
    path("openapi.json", meta.openapi),
    path("admin/dev-login/", dev_login, name="dev-login"),
    path("admin/", admin.site.urls),
    path("", include("assistants.urls")),
    path("", include("threads.urls")),
    path("", include("runs.urls")),
    path("", include("store.urls")),
]
