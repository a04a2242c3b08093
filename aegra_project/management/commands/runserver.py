from __future__ import annotations

import os
from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.management.commands.runserver import Command as DaphneCommand
from django.conf import settings
from django.utils import autoreload

from aegra_project.checks import refuse_wrong_settings
from aegra_project.database import database_running
from aegra_project.listening import check_free, refuse_public
from aegra_project.reloading import run_reloading, stay_with_parent, supervise, wait_for_mend
from common.stopping import stop_on_signals


class Command(DaphneCommand):  # type: ignore[misc]  # daphne ships no types
    help = "Serve with daphne, for development: code, graphs and their project file are reloaded."
    default_addr = settings.AEGRA_HOST
    default_port = str(settings.AEGRA_PORT)

    def run(self, **options: Any) -> None:
        """Serve, in a child that is started anew after each change unless `--noreload`.

        The parent holds the embedded database over reloads, and imports nothing of what serves.
        In the child the reloader has the main thread and daphne a daemon's, so what needs a
        clean end is held by the main thread.
        """
        stop_on_signals()
        if os.environ.get(autoreload.DJANGO_AUTORELOAD_ENV) == "true":
            self._serve_reloading(**options)
            return
        refuse_wrong_settings()
        refuse_public(self.addr)
        check_free(self.addr, int(self.port))
        if options["use_reloader"]:
            with database_running():
                supervise()
        else:
            self._serve(**options)

    def _serve(self, **options: Any) -> None:
        from aegra_project.lifespan import server_running

        with server_running():
            self.inner_run(**options)

    def _serve_reloading(self, **options: Any) -> None:
        from aegra_project.lifespan import CannotLoad, server_running

        stay_with_parent()
        try:
            with server_running():
                run_reloading(lambda: self.inner_run(**options))
        except CannotLoad as exc:
            self.stderr.write(f"{exc}\nWaiting for a change that mends it …")
            wait_for_mend()

    def inner_run(self, *_args: Any, **options: Any) -> None:
        """Run daphne as its own command does, without the banners."""
        self.server_cls(
            application=self.get_application(options),
            endpoints=build_endpoint_description_strings(host=self.addr, port=self.port),
            signal_handlers=not options["use_reloader"],
            action_logger=self.log_action,
            http_timeout=self.http_timeout,
            websocket_handshake_timeout=self.websocket_handshake_timeout,
            websocket_max_message_size=self.websocket_max_message_size,
            websocket_max_frame_size=self.websocket_max_frame_size,
            ready_callable=self._tell,
        ).run()

    def _tell(self) -> None:
        from aegra_project.welcome import welcome

        self.stdout.write(welcome(self.addr, self.port))
