from __future__ import annotations

from django.conf import settings

from aegra_project.devlogin import login_link
from graphs.registry import graph_ids


def welcome(host: str, port: str | int) -> str:
    """Return what a developer wants to read once the server is up."""
    base = f"http://{host}:{port}"
    lines = [
        "",
        f"  Aegra Django {settings.VERSION} serves {', '.join(graph_ids())}",
        "",
        f"  API     {base}",
        f"  Docs    {base}/docs",
        f"  Admin   {base}/admin/",
    ]
    link = login_link(host, port)
    if link:
        lines.append(f"  Log in  {link}")
    return "\n".join([*lines, ""])
