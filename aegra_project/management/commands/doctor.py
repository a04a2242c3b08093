from __future__ import annotations

import logging
import sys
from collections import Counter
from typing import Any

from django.core.management import BaseCommand

from aegra_project.diagnosis import diagnose
from common.stopping import stop_on_signals


class Command(BaseCommand):
    help = "Look for what is wrong with this installation, and tell what to do; changes nothing."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        stop_on_signals()
        styles = {
            "ok": self.style.SUCCESS,
            "warning": self.style.WARNING,
            "problem": self.style.ERROR,
        }
        counted: Counter[str] = Counter()
        # What is logged on the way is among the findings.
        logging.disable(logging.CRITICAL)
        try:
            for found in diagnose():
                counted[found.level] += 1
                level = styles[found.level](f"{found.level:8}")
                self.stdout.write(f"{level} {found.subject}: {found.told}")
                self.stdout.flush()
        finally:
            logging.disable(logging.NOTSET)
        told = ", ".join(_counted(counted[level], level) for level in styles)
        self.stdout.write(f"\n{told}.")
        if counted["problem"]:
            sys.exit(1)


def _counted(number: int, level: str) -> str:
    return f"{number} {level}{'' if level == 'ok' or number == 1 else 's'}"
