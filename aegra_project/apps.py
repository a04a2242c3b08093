from __future__ import annotations

from django.apps import AppConfig


class AegraProjectConfig(AppConfig):
    name = "aegra_project"

    def ready(self) -> None:
        from aegra_project import checks  # noqa: F401 -- registers them
        from common import measuring  # noqa: F401 -- registers what it measures
        from common.logs import configure_structlog

        configure_structlog()
