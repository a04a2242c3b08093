from __future__ import annotations

from django.apps import AppConfig


class AegraProjectConfig(AppConfig):
    name = "aegra_project"
