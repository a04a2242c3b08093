"""The ASGI application: API paths to their lean handler, pages to Django's own."""

from __future__ import annotations

import os
from typing import Any

import django
from channels.routing import ProtocolTypeRouter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aegra_project.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402
from django.core.handlers.asgi import ASGIHandler  # noqa: E402

from aegra_project.handler import ApiHandler  # noqa: E402

api = ApiHandler()
pages = ASGIHandler()


async def http(scope: Any, receive: Any, send: Any) -> None:
    is_page = scope["path"].startswith(tuple(settings.PAGE_PREFIXES))
    await (pages if is_page else api)(scope, receive, send)


application = ProtocolTypeRouter({"http": http})
