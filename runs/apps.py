from __future__ import annotations

from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"
    verbose_name = "Agents"  # the group of the admin that its list stands in

    def ready(self) -> None:
        from runs import measuring  # noqa: F401 -- registers what it measures
