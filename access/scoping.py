"""The one place where visibility is decided."""

from __future__ import annotations

from psycopg import sql

from access.caller import Caller

EVERYTHING = sql.SQL("TRUE")


def visible_to(caller: Caller) -> sql.Composable:  # noqa: ARG001 -- one kind of caller so far
    """Return the SQL condition that a row must meet for `caller` to see it.

    An anonymous caller exists only where no authentication is configured, and sees all.
    """
    return EVERYTHING


def sees_everything(caller: Caller) -> bool:
    """Tell whether `caller` sees every row: what was read for another may be used for this one."""
    return visible_to(caller) is EVERYTHING
