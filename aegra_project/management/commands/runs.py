from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError, CommandParser
from psycopg.errors import UndefinedColumn, UndefinedTable

from access.caller import ANONYMOUS
from aegra_project.checks import refuse_wrong_settings
from aegra_project.database import database_running
from aegra_project.lifespan import loading
from aegra_project.run_tables import page, table
from aegra_project.startup import unreachable
from common import db, jsoncodec
from common.bulk import Done, run_apart
from common.errors import ApiError
from common.stopping import stop_on_signals
from graphs import loop as graph_loop
from graphs.registry import load_graphs
from runs.bulk import cancel_all, cancel_each, ended, retry_each
from runs.inspecting import ACTIVE, RunFilter, look_at_run, look_at_runs
from runs.models import CancelAction, RunStatus
from threads.repairing import repair_each

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
STATUSES = {"active": ACTIVE, **{status: (status,) for status in RunStatus.values}}


class Command(BaseCommand):
    help = "Look at runs, and cancel, retry or repair what has gone wrong, while servers run."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self._add_looking(verbs)
        self._add_cancel(verbs)
        retry = verbs.add_parser("retry", help="Put runs that failed or were stopped back.")
        retry.add_argument("runs", nargs="+", type=_id, metavar="RUN")
        repair = verbs.add_parser("repair", help="Make threads fit for the next run.")
        repair.add_argument("threads", nargs="+", type=_id, metavar="THREAD")
        for verb in verbs.choices.values():
            verb.add_argument("--json", action="store_true", help="Print JSON.")

    def _add_looking(self, verbs: Any) -> None:
        listed = verbs.add_parser("list", help="List runs, newest first.")
        listed.add_argument("--status", action="append", choices=STATUSES, default=[])
        listed.add_argument("--thread", type=_id, metavar="THREAD")
        listed.add_argument("--assistant", metavar="ID", help="An assistant's id, or a graph.")
        listed.add_argument("--older-than", type=_seconds, metavar="AGE", help="90s, 10m, 2h, 1d.")
        listed.add_argument("--limit", type=int, default=20)
        show = verbs.add_parser("show", help="Show all that there is of a run.")
        show.add_argument("run", type=_id, metavar="RUN")

    def _add_cancel(self, verbs: Any) -> None:
        cancel = verbs.add_parser("cancel", help="Stop runs: those named, or all of a status.")
        cancel.add_argument("runs", nargs="*", type=_id, metavar="RUN")
        cancel.add_argument("--status", choices=["pending", "running", "all"])
        cancel.add_argument("--action", choices=CancelAction.values, default="interrupt")
        cancel.add_argument("--wait", action="store_true", help="Return when they have ended.")
        cancel.add_argument("--timeout", type=_seconds, default=60.0, metavar="AGE")

    def handle(self, *args: Any, **options: Any) -> None:
        stop_on_signals()
        refuse_wrong_settings()
        with database_running():
            try:
                getattr(self, f"_{options['verb']}")(options)
            except (UndefinedTable, UndefinedColumn) as exc:
                raise CommandError(
                    "The database is not of this version: run `manage.py startup` first."
                ) from exc
            except db.UNREACHABLE as exc:
                raise CommandError(unreachable(exc)) from exc
            except ApiError as exc:
                raise CommandError(exc.detail) from exc

    def _list(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be 1 or more.")
        wanted = RunFilter(
            statuses=tuple(one for name in options["status"] for one in STATUSES[name]),
            thread_id=options["thread"],
            assistant=options["assistant"],
            older_than_seconds=options["older_than"],
            limit=options["limit"],
        )
        rows = run_apart(look_at_runs(wanted, caller=ANONYMOUS))
        if options["json"]:
            self._print(rows)
        else:
            self.stdout.write(table(rows) if rows else "No runs.")

    def _show(self, options: dict[str, Any]) -> None:
        row = run_apart(look_at_run(options["run"], caller=ANONYMOUS))
        if row is None:
            raise CommandError(f"Run with ID {options['run']} not found")
        if options["json"]:
            self._print(row)
        else:
            self.stdout.write(page(row))

    def _cancel(self, options: dict[str, Any]) -> None:
        if bool(options["runs"]) == bool(options["status"]):
            raise CommandError("Name the runs to cancel, or give --status; not both.")
        self._tell(options, run_apart(_cancelled(options)))

    def _retry(self, options: dict[str, Any]) -> None:
        self._tell(options, run_apart(retry_each(options["runs"])))

    def _repair(self, options: dict[str, Any]) -> None:
        with loading():
            load_graphs()
        graph_loop.start()
        try:
            self._tell(options, run_apart(repair_each(options["threads"])))
        finally:
            graph_loop.stop()

    def _tell(self, options: dict[str, Any], done: Sequence[Done]) -> None:
        """Tell what became of each; raises CommandError when something failed."""
        if options["json"]:
            self._print([{"id": it.id, "done": it.is_done, "told": it.told} for it in done])
        else:
            for it in done:
                style = self.style.SUCCESS if it.is_done else self.style.ERROR
                self.stdout.write(f"{style(str(it.id))}  {it.told}")
        failed = sum(not it.is_done for it in done)
        if failed or not done:
            told = f"{failed} of {len(done)} were not done." if done else "There is none."
            raise CommandError(told)

    def _print(self, value: object) -> None:
        self.stdout.write(jsoncodec.dumps(value).decode())


async def _cancelled(options: dict[str, Any]) -> Sequence[Done]:
    if options["status"]:
        told = await cancel_all(options["status"], action=options["action"])
    else:
        told = await cancel_each(options["runs"], action=options["action"])
    return await ended(told, options["timeout"]) if options["wait"] else told


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no UUID") from None


def _seconds(text: str) -> float:
    number, unit = (text[:-1], text[-1:]) if text[-1:] in UNITS else (text, "s")
    try:
        return float(number) * UNITS[unit]
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time: write 90s, 10m, 2h or 1d") from None
