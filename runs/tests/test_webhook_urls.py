"""Which URLs webhooks may have."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from runs.webhooks.addresses import Refused
from runs.webhooks.config import WebhookConfig
from runs.webhooks.urls import checked_url, shown

STRICT = WebhookConfig()
LOOPBACK = replace(STRICT, disable_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=1",
        "HTTPS://EXAMPLE.com",
        "http://example.com:8080/hook",
        "https://ada:secret@example.com/",
        "https://bücher.example/",
        "https://93.184.216.34/",
        "https://[2606:4700::1111]:8443/",
    ],
)
def test_a_url_may_lead_anywhere_public(url: str) -> None:
    assert checked_url(url, STRICT).host


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "must be like `https://"),
        ("hook", "must be like `https://"),
        ("hook.example.com/x", "must be like `https://"),
        ("ftp://example.com/", "must be like `https://"),
        ("file:///etc/passwd", "must be like `https://"),
        ("gopher://127.0.0.1:25/", "must be like `https://"),
        ("https://", "must be like `https://"),
        ("https:///x", "must be like `https://"),
        ("https://exa mple.com/", "must be like `https://"),
        ("https://example.com/\nx", "it is no URL"),
        ("https://example.com:99999/", "has the port 99999; the highest is"),
        ("https://example.com:0/", "has the port 0"),
        ("https://[::1/", "it is no URL"),
        ("https://example.com/" + "x" * 4096, "has 4116 characters; at most 4096"),
        ("/hook", "is a path of this server; webhooks.url.disable_loopback=false"),
        ("//example.com/hook", "must be like `https://"),
        ("http://localhost:2026/", "leads to localhost, which is this machine"),
        ("http://LOCALHOST./", "leads to localhost, which is this machine"),
        ("http://a.localhost/", "leads to a.localhost, which is this machine"),
        ("http://127.0.0.1/", "127.0.0.1 is this machine"),
        ("http://127.1/", "127.0.0.1 is this machine"),
        ("http://2130706433/", "127.0.0.1 is this machine"),
        ("http://0x7f.0.0.1/", "127.0.0.1 is this machine"),
        ("http://①②⑦.⓪.⓪.①/", "it is no URL"),
        ("http://example.com@127.0.0.1/", "127.0.0.1 is this machine"),
        ("http://[::1]/", "::1 is this machine"),
        ("http://[::ffff:7f00:1]/", "is this machine"),
        ("http://10.1.2.3/", "is in a private network"),
        ("http://169.254.169.254/latest/meta-data/", "never sent to"),
        ("http://[fe80::1%25eth0]/", "never sent to"),
    ],
)
def test_a_url_is_refused_for_a_reason(url: str, told: str) -> None:
    with pytest.raises(Refused) as raised:
        checked_url(url, STRICT)

    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("config", "url", "told"),
    [
        (replace(STRICT, require_https=True), "http://example.com/", "must begin with `https://`"),
        (replace(STRICT, require_https=True), "https://example.com/", None),
        (replace(STRICT, allowed_ports=(443, 8443)), "https://example.com/", None),
        (replace(STRICT, allowed_ports=(443, 8443)), "https://example.com:8443/", None),
        (replace(STRICT, allowed_ports=(443,)), "http://example.com/", "the port 80"),
        (replace(STRICT, allowed_ports=(443,)), "https://example.com:22/", "the port 22"),
        (replace(STRICT, allowed_domains=("a.com",)), "https://a.com/", None),
        (replace(STRICT, allowed_domains=("a.com",)), "https://A.com./", None),
        (replace(STRICT, allowed_domains=("a.com",)), "https://b.a.com/", "leads to b.a.com"),
        (replace(STRICT, allowed_domains=("*.a.com",)), "https://b.a.com/", None),
        (replace(STRICT, allowed_domains=("*.a.com",)), "https://c.b.a.com/", None),
        (replace(STRICT, allowed_domains=("*.a.com",)), "https://a.com/", "leads to a.com"),
        (replace(STRICT, allowed_domains=("*.a.com",)), "https://xa.com/", "leads to xa.com"),
        (replace(STRICT, allowed_domains=("xn--bcher-kva.de",)), "https://bücher.de/", None),
        (replace(STRICT, max_url_length=20), "https://example.com/x", "at most 20"),
        (LOOPBACK, "/hook?a=1", None),
        (LOOPBACK, "/\\example.com/hook", "no path of this server"),
        (LOOPBACK, "//example.com/hook", "must be like"),
        (LOOPBACK, "http://localhost:2026/hook", None),
        (LOOPBACK, "http://10.0.0.1/", "private network"),
    ],
)
def test_a_project_says_where_webhooks_may_lead(
    config: WebhookConfig, url: str, told: str | None
) -> None:
    if told is None:
        checked_url(url, config)
        return
    with pytest.raises(Refused, match=told):
        checked_url(url, config)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://example.com/a/b", "https://example.com/a/b"),
        ("https://ada:secret@example.com/a?key=1#x", "https://example.com/a?…"),
        ("/hook?key=1", "/hook?…"),
    ],
)
def test_what_may_be_secret_is_not_shown(url: str, seen: str) -> None:
    assert shown(httpx.URL(url)) == seen
