from __future__ import annotations

from django.conf import settings

from aegra_project.devlogin import base_url, login_link
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
