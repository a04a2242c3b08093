from __future__ import annotations

from django.apps import AppConfig


class GraphsConfig(AppConfig):
    name = "graphs"

    def ready(self) -> None:
        from graphs import measuring  # noqa: F401 -- registers what it measures
