from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from graphs.projects import CannotMakeProject, make_project, template_names


class Command(BaseCommand):
    help = "Make the folder of a new agent, which the server serves as it is."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the agent, or the path of its folder")
        parser.add_argument("--template", choices=template_names(), default="react-agent")

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(options["name"]).expanduser().resolve()
        try:
            make_project(target, options["template"])
        except CannotMakeProject as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(
            f"Made {target}. Serve it:\n\n"
            f"    cd {settings.BASE_DIR}\n"
            f"    AEGRA_CONFIG={target / 'langgraph.json'} make run\n"
        )
