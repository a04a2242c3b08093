from __future__ import annotations

import asyncio
from argparse import ArgumentTypeError
from math import inf
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from aegra_project.checks import refuse_wrong_settings
from aegra_project.database import database_running
from aegra_project.startup import missing_migrations, unreachable
from common import db
from common.stopping import stop_on_signals
from common.tally import Tally
from runs.retention import count_old_runs, forget_old_runs
from store.backend import sweep
from threads.expiring import Old, left_alone, prune_old_threads

# In the order in which they are told.
KINDS = ("threads", "runs", "event rows", "checkpoints", "store items")
NAMES = {"busy": "busy", "interrupted": "waiting for an answer"}


class Command(BaseCommand):
    help = (
        "Remove what has expired: threads by their time to live, items of the store, runs by "
        "RUN_RETENTION_DAYS; with --older-than, old threads too. Never touches a thread that is "
        "busy or waits for an answer. Servers may run meanwhile."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Tell what would go, and change nothing."
        )
        parser.add_argument(
            "--older-than",
            type=_days,
            metavar="DAYS",
            help="Also threads without an update for so many days: say what becomes of them.",
        )
        fate = parser.add_mutually_exclusive_group()
        fate.add_argument(
            "--delete",
            dest="strategy",
            action="store_const",
            const="delete",
            help="Delete the old threads, with their runs and checkpoints.",
        )
        fate.add_argument(
            "--keep-latest",
            dest="strategy",
            action="store_const",
            const="keep_latest",
            help="Keep the old threads, and of their checkpoints the newest.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stop_on_signals()
        refuse_wrong_settings()
        old = _old(options["older_than"], options["strategy"])
        with database_running():
            try:
                if missing_migrations():
                    raise CommandError("The database is of another version: run `startup` first.")
                lines = asyncio.run(_prune(old, is_rehearsal=options["dry_run"]))
            except psycopg.Error as exc:
                raise CommandError(unreachable(exc)) from exc
        self.stdout.write("\n".join(lines))


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1
    if not 0 <= days < inf:
        raise ArgumentTypeError(f"{text!r} is no number of days, 0 or more")
    return days


def _old(days: float | None, strategy: str | None) -> Old | None:
    if (days is None) != (strategy is None):
        raise CommandError(
            "--older-than DAYS goes together with one of --keep-latest and --delete."
        )
    return None if days is None or strategy is None else Old(days=days, strategy=strategy)


async def _prune(old: Old | None, *, is_rehearsal: bool) -> list[str]:
    try:
        alone = await left_alone(old)
        tally, deleted = await prune_old_threads(old, is_rehearsal=is_rehearsal)
        tally.add(await sweep(is_rehearsal=is_rehearsal))
        days = settings.RUN_RETENTION_DAYS
        if days and is_rehearsal:
            tally.add(await count_old_runs(days=days, without_threads=deleted))
        elif days:
            tally.add(await forget_old_runs(days=days))
    finally:
        await db.close_pool()
    return _told(tally, is_rehearsal=is_rehearsal) + [
        f"left alone: {count} {NAMES[status]}" for status, count in sorted(alone.items())
    ]


def _told(tally: Tally, *, is_rehearsal: bool) -> list[str]:
    if not tally.rows.total():
        return ["Nothing is due."]
    head = "Would go (nothing was changed):" if is_rehearsal else "Removed:"
    return [
        head,
        *(
            f"  {kind:<12}{tally.rows[kind]:>9,}  {_size(tally.bytes[kind]):>9}"
            for kind in KINDS
            if tally.rows[kind]
        ),
        f"  {'in all':<12}{'':>9}  {_size(tally.bytes.total()):>9}",
    ]


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} GB"
