"""JSON, times and durations as HTML for the admin; everything in them is escaped."""

from __future__ import annotations

import json
import re
from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from common.jsoncodec import Json

LONGEST_JSON = 100_000
PREVIEW_LENGTH = 120
LINE_LENGTH = 72
NOTHING = format_html('<span class="quiet">{}</span>', "-")

_TOKEN = re.compile(
    r'(?P<key>"(?:\\.|[^"\\])*"(?=\s*:))|(?P<string>"(?:\\.|[^"\\])*")'
    r"|(?P<literal>\b(?:true|false|null)\b)|(?P<number>-?\b\d[\d.eE+-]*)"
)


def json_text(value: Json) -> str:
    """Return `value` as indented text, what is short on one line, cut where nobody reads on."""
    flat = _flat(value)
    text = _laid_out(value) if len(flat) <= LONGEST_JSON else flat
    if len(text) <= LONGEST_JSON:
        return text
    return f"{text[:LONGEST_JSON]}\n… {len(text) - LONGEST_JSON:,} more characters"


def _laid_out(value: Json, margin: str = "") -> str:
    flat = _flat(value)
    if not isinstance(value, dict | list) or len(margin) + len(flat) <= LINE_LENGTH:
        return flat
    inner = f"{margin}  "
    if isinstance(value, list):
        lines = [f"{inner}{_laid_out(item, inner)}" for item in value]
        return "\n".join(("[", ",\n".join(lines), f"{margin}]"))
    lines = [f"{inner}{_flat(key)}: {_laid_out(item, inner)}" for key, item in value.items()]
    return "\n".join(("{", ",\n".join(lines), f"{margin}}}"))


def _flat(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def pretty_json(value: Json) -> SafeString:
    """Return `value` as indented, coloured JSON; empty values are one quiet dash."""
    if value in (None, {}, []):
        return NOTHING
    return format_html('<pre class="json">{}</pre>', _coloured(json_text(value)))


def preview(value: Json) -> str:
    """Return the beginning of `value` on one line."""
    text = value if isinstance(value, str) else _flat(value)
    return " ".join(text[: 2 * PREVIEW_LENGTH].split())[:PREVIEW_LENGTH]


def _coloured(text: str) -> SafeString:
    pieces: list[tuple[str, str]] = []
    end = 0
    for token in _TOKEN.finditer(text):
        pieces.extend((("plain", text[end : token.start()]), (token.lastgroup or "", token[0])))
        end = token.end()
    pieces.append(("plain", text[end:]))
    return format_html_join("", '<span class="json-{}">{}</span>', (p for p in pieces if p[1]))


def ago(moment: datetime | None) -> SafeString:
    """Return how long ago `moment` was, with the exact time as its tooltip."""
    if moment is None:
        return NOTHING
    seconds = (timezone.now() - moment).total_seconds()
    words = "just now" if seconds < 60 else f"{timesince(moment, depth=1)} ago"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exactly(moment), words
    )


def until(moment: datetime | None) -> SafeString:
    """Return how long it is until `moment`, or that it has passed."""
    if moment is None:
        return NOTHING
    words = "expired" if moment <= timezone.now() else f"in {timeuntil(moment, depth=1)}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exactly(moment), words
    )


def exactly(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%d %b %Y, %H:%M:%S %Z}"


def clock(moment: datetime | None) -> SafeString:
    """Return the time of day to the millisecond, with the whole date as its tooltip."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        exactly(moment),
        local.isoformat(timespec="milliseconds")[11:23],
    )


def duration_text(started_at: datetime | None, ended_at: datetime | None) -> str:
    """Return the time between two moments, or until now: `84 ms`, `2.31 s`, `3 min 5 s`."""
    if started_at is None:
        return "-"
    seconds = max(((ended_at or timezone.now()) - started_at).total_seconds(), 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
