"""The ASGI application: the API, pages of Django's, and the project's own application.

A path goes to the first that has it: what is said of the server at fixed paths, pages, the
routes of the project, the API.
"""

from __future__ import annotations

import os
from typing import Any

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aegra_project.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402

from aegra_project import custom_app  # noqa: E402
from aegra_project.custom_guard import call_guarded  # noqa: E402
from aegra_project.handler import HANDLERS  # noqa: E402
from aegra_project.observing import call_observed, route_found  # noqa: E402
from aegra_project.prefix import below_prefix  # noqa: E402

# No route of the project's stands in front of these: what watches a server reads them.
FIXED_PATHS = frozenset({"/ok", "/metrics", "/docs", "/openapi.json"})
# A route of the project's may stand in front of these; what merely wraps them may not.
PROBES = frozenset({"/health", "/ready", "/live"})

api: Any = HANDLERS[settings.API_HANDLER]()
pages: Any = ASGIHandler()


async def http(scope: Any, receive: Any, send: Any) -> None:
    await call_observed(_http, scope, receive, send)


async def _http(scope: Any, receive: Any, send: Any) -> None:
    scope = below_prefix(scope)
    path = scope["path"].removeprefix(scope["root_path"])
    app = custom_app.current()
    if _is_page(path):
        route_found(scope, f"{path.split('/')[1]}/*")
        await pages(scope, receive, send)
    elif app is None or path in FIXED_PATHS or not _is_for(app, scope, path):
        await api(scope, receive, send)
    else:
        route_found(scope, "(http.app)")
        await call_guarded(app, scope, receive, send)


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    scope, app = below_prefix(scope), custom_app.current()
    if app is None:
        await receive()
        await send({"type": "websocket.close", "code": 1000})
    else:
        await call_guarded(app, scope, receive, send)


def _is_for(app: custom_app.CustomApp, scope: Any, path: str) -> bool:
    return app.has_route(scope) if path in PROBES else app.takes(scope)


def _is_page(path: str) -> bool:
    return any(path == page or path.startswith(f"{page}/") for page in settings.PAGE_PREFIXES)


async def in_process(scope: Any, receive: Any, send: Any) -> None:
    """Answer what the process itself asks, without the prefix that others see."""
    await _http({**scope, "root_path": ""}, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": websocket})
