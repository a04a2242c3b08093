from __future__ import annotations

from django.apps import AppConfig


class CronsConfig(AppConfig):
    name = "crons"
    verbose_name = "Agents"  # the group of the admin that its list stands in
