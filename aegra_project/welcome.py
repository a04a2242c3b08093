from __future__ import annotations

from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from aegra_project.devlogin import base_url, login_link
from common import db
from graphs.registry import graph_ids


def welcome(host: str, port: str | int) -> str:
    """Return what a developer wants to read once the server is up."""
    base = base_url(host, port)
    callers = "everybody" if settings.ALLOW_ANONYMOUS else "callers on this machine"
    lines = [
        "",
        f"  Aegra Django {settings.VERSION} serves {', '.join(graph_ids())}",
        "",
        f"  API     {base}",
        f"  Docs    {base}/docs",
        f"  Admin   {base}/admin/",
        f"  Access  {callers}, without a key",
    ]
    link = login_link(host, port)
    if link:
        lines.append(f"  Log in  {link}")
    return "\n".join([*lines, ""])


def greeting_of_a_worker() -> str:
    """Return the line that tells where a worker gets its runs, and which."""
    graphs = ", ".join(graph_ids())
    return (
        f"Aegra Django {settings.VERSION} executes runs of {_database()}: "
        f"{settings.ENGINE_SLOTS} slots, graphs {graphs}"
    )


def _database() -> str:
    if settings.EMBEDDED_POSTGRES:
        return f"the embedded database in {settings.AEGRA_DATA_DIR}"
    place = conninfo_to_dict(db.conninfo())
    return f"{place.get('host', 'localhost')}:{place.get('port', 5432)}/{place.get('dbname', '')}"
