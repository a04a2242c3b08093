"""JSON and times in templates, as the lists show them."""

from __future__ import annotations

from django import template

from common import pretty

register = template.Library()
register.filter("pretty_json", pretty.pretty_json)
register.filter("ago", pretty.ago)
register.filter("clock", pretty.clock)
register.filter("exactly", pretty.exactly)
register.simple_tag(pretty.duration_text, name="duration")

ROLES = {
    "human": ("Human", "person"),
    "ai": ("AI", "smart_toy"),
    "tool": ("Tool", "build"),
    "system": ("System", "settings"),
}


@register.filter
def role_label(role: str) -> str:
    return ROLES[role][0] if role in ROLES else role


@register.filter
def role_icon(role: str) -> str:
    return ROLES[role][1] if role in ROLES else "chat"
