"""How the admin looks, and what stands in its sidebar: the settings of django-unfold."""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import reverse_lazy


def _page(title: str, icon: str, model: str) -> dict[str, object]:
    """Name a list of the admin for its sidebar."""
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}


UNFOLD = {
    "SITE_TITLE": "Aegra Django",
    "SITE_HEADER": "Aegra Django",
    "SITE_SUBHEADER": "LangGraph agent server",
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("aegra_project/favicon.svg"),
        }
    ],
    "DASHBOARD_CALLBACK": "aegra_project.dashboard.dashboard",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Agents",
                "items": [
                    _page("Threads", "forum", "threads_thread"),
                    _page("Runs", "play_circle", "runs_run"),
                    _page("Crons", "schedule", "crons_cron"),
                    _page("Assistants", "smart_toy", "assistants_assistant"),
                    _page("Store", "inventory_2", "store_storeitem"),
                    _page("Webhooks", "webhook", "runs_webhookdelivery"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _page("Users", "person", "auth_user"),
                    _page("Groups", "group", "auth_group"),
                ],
            },
        ]
    },
}
