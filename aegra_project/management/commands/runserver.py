from __future__ import annotations

import os
from typing import Any

from daphne.management.commands.runserver import Command as DaphneCommand
from django.conf import settings
from django.core.management import CommandError
from django.utils import autoreload

from aegra_project.lifespan import database_running, server_running
from aegra_project.listening import check_free
from aegra_project.reloading import stay_with_parent, supervise, watch_project
from aegra_project.welcome import welcome


class Command(DaphneCommand):  # type: ignore[misc]  # daphne ships no types
    help = "Serve with daphne, for development: code, graphs and their project file are reloaded."
    default_addr = settings.AEGRA_HOST
    default_port = str(settings.AEGRA_PORT)

    def run(self, **options: Any) -> None:
        """Serve, in a child that is started anew after each change unless `--noreload`.

        The parent holds the embedded database over reloads. In the child the reloader has the
        main thread and daphne a daemon's, so what needs a clean end is held by the main thread.
        """
        if not options["use_reloader"]:
            self._check_free()
            with server_running():
                self._serve(**options)
        elif os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true":
            self._serve_reloading(**options)
        else:
            self._check_free()
            with database_running():
                supervise()

    def _serve_reloading(self, **options: Any) -> None:
        stay_with_parent()
        autoreload.autoreload_started.connect(watch_project)
        try:
            with server_running():
                self._serve(**options)
        except CommandError as exc:
            self.stderr.write(f"{exc}\nWaiting for a change that mends it …")
            autoreload.run_with_reloader(lambda: None)

    def _serve(self, **options: Any) -> None:
        self.stdout.write(welcome(self.addr, self.port))
        super().run(**options)

    def _check_free(self) -> None:
        check_free(self.addr.strip("[]"), int(self.port))
