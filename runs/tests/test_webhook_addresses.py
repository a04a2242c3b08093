"""Which addresses webhooks may be sent to, and what is connected to."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from runs.webhooks.addresses import Refused, check_address, literal_address
from runs.webhooks.config import WebhookConfig
from runs.webhooks.connecting import _ssl_context, guarded_pool
from tests.receiving import receiving

STRICT = WebhookConfig()
LOOPBACK = replace(STRICT, disable_loopback=False)
PRIVATE = replace(STRICT, disable_private_ips=False)
OPEN = replace(LOOPBACK, disable_private_ips=False)

PUBLIC_ADDRESSES = [
    "93.184.216.34",
    "2606:4700::1111",
    "::ffff:93.184.216.34",
    "64:ff9b::5db8:d822",
]
OF_THIS_MACHINE = [
    "127.0.0.1",
    "127.8.9.1",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]
OF_PRIVATE_NETWORKS = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fdff::1",
    "::ffff:10.0.0.1",
    "64:ff9b::c0a8:101",
    "2002:a00:1::",
]
OF_NOBODY = [
    "0.0.0.0",
    "0.1.2.3",
    "::",
    "169.254.169.254",
    "169.254.1.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "2001::1",
    "2001:db8::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_a_public_address_is_allowed(address: str) -> None:
    check_address(ip_address(address), STRICT)


@pytest.mark.parametrize("address", OF_THIS_MACHINE)
def test_this_machine_is_refused_unless_it_is_allowed(address: str) -> None:
    for config in (STRICT, PRIVATE):
        with pytest.raises(Refused, match=r"is this machine; webhooks.url.disable_loopback=false"):
            check_address(ip_address(address), config)
    check_address(ip_address(address), LOOPBACK)


@pytest.mark.parametrize("address", OF_PRIVATE_NETWORKS)
def test_a_private_network_is_refused_unless_it_is_allowed(address: str) -> None:
    for config in (STRICT, LOOPBACK):
        with pytest.raises(Refused, match=r"in a private network; .*disable_private_ips=false"):
            check_address(ip_address(address), config)
    check_address(ip_address(address), PRIVATE)


@pytest.mark.parametrize("address", OF_NOBODY)
def test_other_addresses_are_refused_whatever_is_allowed(address: str) -> None:
    with pytest.raises(Refused, match="never sent to"):
        check_address(ip_address(address), OPEN)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("169.16689662", "169.254.169.254"),
        ("fe80::1%eth0", "fe80::1"),
        ("example.com", None),
        ("1e100.net", None),
        ("0x7f.example", None),
    ],
)
def test_an_address_is_known_in_any_form(host: str, address: str | None) -> None:
    found = literal_address(host)

    assert found == (ip_address(address) if address else None)


def resolver(*addresses: list[str]) -> Any:
    """Stand in for the network's resolver: each time the next answer, the last again and again."""
    left = list(addresses)

    async def getaddrinfo(host: str, port: int, **_options: Any) -> list[Any]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (item, port)) for item in answer]

    return getaddrinfo


async def posted(url: str, config: WebhookConfig) -> int:
    async with guarded_pool(config) as pool:
        answer = await pool.request(
            "POST", url, headers={"content-length": "2"}, content=b"{}", extensions=TIMEOUTS
        )
        return answer.status


TIMEOUTS = {"timeout": {"connect": 0.2, "read": 5, "write": 5, "pool": 5}}


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1"])
async def test_a_name_is_refused_for_what_it_resolves_to(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", resolver(["93.184.216.34", address]))

    with pytest.raises(Refused, match=address):
        await posted("http://hook.example/", STRICT)


async def test_the_address_that_was_checked_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    with receiving() as receiver:
        # A second look-up would lead elsewhere.
        monkeypatch.setattr(loop, "getaddrinfo", resolver(["127.0.0.1"], ["169.254.169.254"]))

        status = await posted(f"http://hook.example:{receiver.port}/x", LOOPBACK)

    [sent] = receiver.received
    assert (status, sent.headers["host"]) == (200, f"hook.example:{receiver.port}")


async def test_an_address_that_does_not_answer_gives_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    with receiving() as receiver:
        monkeypatch.setattr(loop, "getaddrinfo", resolver(["127.0.0.2", "127.0.0.1"]))

        assert await posted(f"http://hook.example:{receiver.port}/x", LOOPBACK) == 200


async def test_a_name_that_nobody_has_is_not_connected_to() -> None:
    with pytest.raises(httpcore.ConnectError, match=r"nowhere.invalid is not found"):
        await posted("http://nowhere.invalid/", STRICT)


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver, receiving() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        await posted(receiver.url, LOOPBACK)

    assert (len(receiver.received), proxy.received) == (1, [])


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """What a server shows to be `hook.example`, which an authority of this test's says it is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hook.example")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "hook.pem"
    of_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(of_key + certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    _ssl_context.cache_clear()
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(file)
    yield shown
    _ssl_context.cache_clear()


async def test_a_certificate_is_the_names(
    monkeypatch: pytest.MonkeyPatch, certified: ssl.SSLContext
) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver(["127.0.0.1"]))
    with receiving(tls=certified) as receiver:
        assert await posted(f"https://hook.example:{receiver.port}/", LOOPBACK) == 200
        for other in ("other.example", "127.0.0.1"):
            with pytest.raises(httpcore.ConnectError, match=r"certificate verify failed"):
                await posted(f"https://{other}:{receiver.port}/", LOOPBACK)

    assert len(receiver.received) == 1
