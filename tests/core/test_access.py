"""Who may push, and under which names the exporter answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.expose.access import access
from tests.core.examples import minimal
from tests.core.harness import Running, running

EVENT = [minimal("connection")]
TOKEN = "a-token-of-the-test"


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    return str(path)


@pytest.fixture
def loopback(tmp_path: Path, token_file: str) -> Iterator[Running]:
    with running(tmp_path / "state", token_file=token_file) as found:
        yield found


@pytest.fixture
def network(tmp_path: Path, token_file: str) -> Iterator[Running]:
    with running(tmp_path / "network", token_file=token_file, listen="0.0.0.0:9464") as found:
        yield found


def status(exporter: Running, **headers: str) -> int:
    return exporter.push(EVENT, headers).status_code


def test_on_loopback_the_token_may_be_left_out(loopback: Running) -> None:
    assert status(loopback) == 202


def test_on_the_network_the_token_is_needed(network: Running) -> None:
    assert status(network) == 401
    assert status(network, Authorization=f"Bearer {TOKEN}") == 202
    assert status(network, Authorization=f"bearer {TOKEN}") == 202


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer é"])
def test_a_wrong_token_is_wrong_everywhere(loopback: Running, network: Running, given: str) -> None:
    for exporter in (loopback, network):
        assert status(exporter, Authorization=given) == 401
        assert exporter.value("exai_connection_events_total") == 0


def test_a_refusal_says_which_token_is_meant(network: Running) -> None:
    reply = network.push(EVENT)
    assert "push token" in reply.get_json()["error"]
    assert TOKEN not in reply.text
    assert reply.headers["WWW-Authenticate"].lower() == "bearer"


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz"])
def test_reading_needs_no_token(network: Running, path: str) -> None:
    assert network.client.get(path).status_code in (200, 503)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9464", "127.0.0.1:1", "[::1]:9464", "[::1]", "LOCALHOST:9464"]
)
def test_the_names_of_loopback_are_answered(loopback: Running, host: str) -> None:
    assert loopback.client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil", "a b"]
)
@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz"])
def test_another_name_is_not_answered_so_that_no_web_page_can_reach_loopback(
    loopback: Running, host: str, path: str
) -> None:
    assert loopback.client.get(path, headers={"Host": host}).status_code in (400, 421)
    assert status(loopback, Host=host) in (400, 421)


def test_names_that_are_allowed_are_answered(tmp_path: Path) -> None:
    with running(tmp_path, allowed_hosts=["Exporter.internal"]) as exporter:
        assert exporter.client.get("/healthz", headers={"Host": "exporter.INTERNAL:9464"}).status_code == 200


@pytest.mark.parametrize(
    ("listen", "asked"), [("10.1.2.3", "10.1.2.3:9464"), ("MyHost", "myhost:9464"), ("fe80::1", "[fe80::1]:9464")]
)
def test_the_name_that_is_listened_on_is_answered(listen: str, asked: str) -> None:
    assert access("t", on_loopback=False, host=listen, allowed=()).knows_host(asked)
