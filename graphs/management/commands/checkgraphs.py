from __future__ import annotations

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError

from common.config import ConfigError, ProjectConfig, find_config, read_config
from graphs.checking import GraphReport, check_graphs


class Command(BaseCommand):
    help = "Load and open each graph of the project file, and tell what is wrong; needs no database"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            config = read_config(find_config())
        except ConfigError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{config.path}\n\n")
        broken = 0
        for report in check_graphs(config):
            self._tell(report)
            broken += report.problem is not None
        self._tell_keys(config)
        self.stdout.write(f"\n{_counted(len(config.graphs))}, {broken or 'none'} broken.")
        if broken:
            sys.exit(1)

    def _tell(self, report: GraphReport) -> None:
        name = report.spec.graph_id
        if report.problem is not None:
            self.stdout.write(f"{self.style.ERROR('problem')}  {name}: {report.problem}")
            return
        self.stdout.write(f"{self.style.SUCCESS('ok')}       {name}: {report.spec.target}")
        self.stdout.write(f"         nodes: {', '.join(report.nodes) or 'none'}")
        self.stdout.write(f"         schemas: {', '.join(report.schemas) or 'none'}")
        for doubt in report.doubts:
            self.stdout.write(f"{self.style.WARNING('warning')}  {name}: {doubt}")

    def _tell_keys(self, config: ProjectConfig) -> None:
        for keys, what in (
            (config.unknown_keys, "unknown keys, ignored"),
            (config.unserved_keys, "keys that this version does not serve yet"),
        ):
            if keys:
                self.stdout.write(f"{self.style.WARNING('warning')}  {what}: {', '.join(keys)}")


def _counted(number: int) -> str:
    return "1 graph" if number == 1 else f"{number} graphs"
