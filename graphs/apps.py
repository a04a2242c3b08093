from __future__ import annotations

from django.apps import AppConfig


class GraphsConfig(AppConfig):
    name = "graphs"
